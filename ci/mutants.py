#!/usr/bin/env python3
"""Seeds faults, one at a time, and looks whether the tests notice.

    ci/mutants.py              all of them
    ci/mutants.py chan wait    those whose name contains one of these words
    ci/mutants.py --list       their names

Works on a copy of the checkout in a temporary folder. A fault that no test notices is a survivor: it
is named at the end, and the exit code is 1. A test program that runs for too long counts as having
noticed. Which faults there are, and which tests are asked, stands in ci/mutants/*.txt:

    # name: file: tests, as cargo test takes them; or the word loom and what ci/loom.sh takes
    <<<
    lines as they are
    ===
    lines as they are to be
    >>>
"""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
LIMIT = 240  # seconds for the tests of one fault, building them included


def read_mutants():
    mutants = []
    entry = re.compile(r"^# ([^\n]+?): (\S+): ([^\n]+)\n<<<\n(.*?)\n===\n(.*?)\n?>>>$", re.M | re.S)
    for path in sorted((ROOT / "ci/mutants").glob("*.txt")):
        text = path.read_text()
        for name, file, tests, old, new in entry.findall(text):
            mutants.append((name, file, tests.split(), old, new))
    return mutants


def command_of(tests):
    if tests[0] == "loom":
        return ["ci/loom.sh", *tests[1:]]
    return ["cargo", "test", "--quiet", *tests]


def run(command, cwd, limit=LIMIT):
    """Whether the command ended well; None after the limit."""
    child = subprocess.Popen(
        command, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True
    )
    try:
        _, errors = child.communicate(timeout=limit)
        return child.returncode == 0, errors.decode(errors="replace")
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        child.communicate()
        return None, ""


def verdict(copy, mutant):
    name, file, tests, old, new = mutant
    path = copy / file
    text = path.read_text()
    if text.count(old) != 1:
        return f"STALE: {file} holds the lines {text.count(old)} times"
    path.write_text(text.replace(old, new))
    try:
        passed, errors = run(command_of(tests), copy)
    finally:
        path.write_text(text)
    if passed is None:
        return "noticed, by running for too long"
    if passed:
        return "SURVIVED"
    if "error: could not compile" in errors or "error[E" in errors:
        return "STALE: does not compile"
    return "noticed"


def main():
    words = sys.argv[1:]
    mutants = read_mutants()
    if words == ["--list"]:
        print("\n".join(name for name, *_ in mutants))
        return 0
    wanted = [m for m in mutants if not words or any(word in m[0] for word in words)]
    with tempfile.TemporaryDirectory() as folder:
        copy = pathlib.Path(folder) / "gort"
        ignored = shutil.ignore_patterns("target", ".git", "venv")
        shutil.copytree(ROOT, copy, ignore=ignored)
        if any(mutant[2][0] == "loom" for mutant in wanted):
            # All that the models need is built once, without a limit; no model has this name.
            run(["ci/loom.sh", "no_such_model"], copy, limit=None)
        noticed, bad = 0, []
        for mutant in wanted:
            what = verdict(copy, mutant)
            print(f"{mutant[0]}: {what}", flush=True)
            if what.startswith("noticed"):
                noticed += 1
            else:
                bad.append(f"{mutant[0]}: {what}")
    print(f"{noticed} of {len(wanted)} faults noticed")
    print("\n".join(bad))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
