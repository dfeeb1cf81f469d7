#!/usr/bin/env python3
"""Seeds faults, one at a time, and looks whether the tests notice.

    ci/mutants.py                    all of them
    ci/mutants.py chan wait          those whose name contains one of these words
    ci/mutants.py --list             their names
    ci/mutants.py --in FOLDER ...    works in FOLDER, and leaves it for the next time

Works on a copy of the checkout, by default in a temporary folder. First the tests are run without a
fault: each must pass, and how long it takes says how long it may take with one. A fault that no test
notices is a survivor: it is named at the end, and the exit code is 1. A test program that takes much
longer than without the fault counts as having noticed. What fails without the fault, too, counts
only if it fails three times. Which faults there are, and which tests are
asked, stands in ci/mutants/*.txt:

    # name: file: tests, as cargo test takes them; or --loom and what ci/loom.sh takes
    <<<
    lines as they are
    ===
    lines as they are to be
    >>>
"""

import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
SKIPPED = {"target", ".git", "venv"}
# Stands in a copy of the checkout, whose files may be changed and deleted.
MARK = ".copy-for-mutants"
BUILD_LIMIT = 1800  # seconds
# How long a target may take: at least this, and so many times what it takes without a fault.
LEAST, TIMES = 120, 5
# How often a target may run whose tests fail, too, without a fault on this machine.
TRIES = 3


def read_mutants():
    mutants = []
    entry = re.compile(r"^# ([^\n]+?): (\S+): ([^\n]+)\n<<<\n(.*?)\n===\n(.*?)\n?>>>$", re.M | re.S)
    for path in sorted((ROOT / "ci/mutants").glob("*.txt")):
        text = path.read_text()
        found = entry.findall(text)
        if len(found) != text.count("\n<<<\n"):
            sys.exit(f"{path}: {text.count('<<<')} entries, of which {len(found)} can be read")
        for name, file, tests, old, new in found:
            mutants.append((name, file, targets(tests), old, new))
    return mutants


def targets(tests):
    """`--lib --test a` as [("--lib",), ("--test", "a")]."""
    return [tuple(target.split()) for target in re.findall(r"--lib|--(?:test|loom) \S+", tests)]


def copy_to(copy):
    """Writes what differs only, with the time of now, since cargo goes by the times of files."""
    if copy.exists() and any(copy.iterdir()) and not (copy / MARK).exists():
        sys.exit(f"{copy} is neither empty nor a copy that this script has made")
    copy.mkdir(parents=True, exist_ok=True)
    (copy / MARK).touch()
    for folder, folders, files in os.walk(copy):
        folders[:] = [name for name in folders if name not in SKIPPED]
        for name in files:
            old = pathlib.Path(folder) / name
            if name not in ("Cargo.lock", MARK) and not (ROOT / old.relative_to(copy)).exists():
                old.unlink()
    for folder, folders, files in os.walk(ROOT):
        folders[:] = [name for name in folders if name not in SKIPPED]
        into = copy / pathlib.Path(folder).relative_to(ROOT)
        into.mkdir(parents=True, exist_ok=True)
        for name in files:
            old, new = into / name, pathlib.Path(folder) / name
            if not old.exists() or old.read_bytes() != new.read_bytes():
                old.write_bytes(new.read_bytes())
                old.chmod(new.stat().st_mode)


def command_for(target):
    return ["ci/loom.sh", target[1]] if is_model(target) else ["cargo", "test", "--quiet", *target]


def is_model(target):
    return target[0] == "--loom"


def run(copy, command, limit):
    """Whether the command ended well, None after the limit; and what it wrote."""
    environment = {k: v for k, v in os.environ.items() if k != "CARGO_TARGET_DIR"}
    child = subprocess.Popen(
        command,
        cwd=copy,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        output, _ = child.communicate(timeout=limit)
        return child.returncode == 0, output.decode(errors="replace")
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        child.communicate()
        return None, ""


def build(copy, tests):
    """Builds them; the models are built when they are run."""
    words = [word for target in tests if not is_model(target) for word in target]
    if not words:
        return True, ""
    return run(copy, ["cargo", "test", "--quiet", "--no-run", *words], BUILD_LIMIT)


class Baseline:
    """Without a fault: how long each target takes, and which of its tests failed all the same."""

    def __init__(self, copy, mutants):
        self.seconds, self.unsteady = {}, {}
        tests = list(dict.fromkeys(target for _, _, tests, _, _ in mutants for target in tests))
        done, output = build(copy, tests)
        if not done:
            sys.exit(f"does not compile without a fault:\n{output}")
        for target in tests:
            self.measure(copy, target)

    def measure(self, copy, target):
        self.unsteady[target] = set()
        for _ in range(TRIES):
            begin = time.monotonic()
            passed, output = run(copy, command_for(target), BUILD_LIMIT)
            if passed:
                self.seconds[target] = time.monotonic() - begin
                failed = " ".join(sorted(self.unsteady[target]))
                failed = f", after a failure of {failed}" if failed else ""
                print(f"no fault: {target[-1]}: {self.seconds[target]:.0f} s{failed}", flush=True)
                return
            self.unsteady[target] |= failures(output)
        sys.exit(f"{' '.join(target)} fails without a fault:\n{output[-4000:]}")

    def is_steady(self, target, failed):
        return not failed or not failed <= self.unsteady[target]


def verdict(copy, mutant, baseline):
    name, file, tests, old, new = mutant
    path = copy / file
    text = path.read_text()
    if text.count(old) != 1:
        return f"STALE: {file} holds the lines {text.count(old)} times"
    path.write_text(text.replace(old, new))
    try:
        for target in tests:
            done, output = build(copy, [target])
            if not done:
                return f"STALE: does not compile\n{output[-4000:]}"
            what = noticed_by(copy, target, baseline)
            if what:
                return what
    finally:
        path.write_text(text)
    return "SURVIVED"


def noticed_by(copy, target, baseline):
    """None if the target passes, at least once if it fails as it does without a fault."""
    for _ in range(TRIES):
        limit = max(LEAST, TIMES * baseline.seconds[target])
        passed, output = run(copy, command_for(target), limit)
        if passed is None:
            return f"noticed by {target[-1]}, which does not end"
        if passed:
            return None
        failed = failures(output)
        if baseline.is_steady(target, failed):
            break
    return f"noticed by {target[-1]}: {' '.join(sorted(failed)[:2])}"


def failures(output):
    """The tests that failed, or that a watchdog ended."""
    listed = re.findall(r"^failures:\n((?:    \S+\n)+)", output, re.M)
    names = {name for lines in listed for name in lines.split()}
    return names or set(re.findall(r"^watchdog: (\S+)", output, re.M))


def try_all(copy, wanted):
    copy_to(copy)
    baseline = Baseline(copy, wanted)
    noticed, bad = 0, []
    for mutant in wanted:
        what = verdict(copy, mutant, baseline)
        print(f"{mutant[0]}: {what}", flush=True)
        if what.startswith("noticed"):
            noticed += 1
        else:
            bad.append(f"{mutant[0]}: {what}")
    print(f"{noticed} of {len(wanted)} faults noticed")
    print("\n".join(bad))
    return 1 if bad else 0


def main():
    words = sys.argv[1:]
    mutants = read_mutants()
    if words == ["--list"]:
        print("\n".join(name for name, *_ in mutants))
        return 0
    folder = None
    if words[:1] == ["--in"]:
        folder, words = pathlib.Path(words[1]).resolve(), words[2:]
    wanted = [m for m in mutants if not words or any(word in m[0] for word in words)]
    if folder:
        return try_all(folder, wanted)
    with tempfile.TemporaryDirectory() as folder:
        return try_all(pathlib.Path(folder) / "gort", wanted)


if __name__ == "__main__":
    sys.exit(main())
