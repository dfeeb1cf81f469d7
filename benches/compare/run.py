#!/usr/bin/env python3
"""Runs gort's scenarios against its peers, interleaved, and prints Markdown tables of medians and ratios.

Each run is a process of its own: gort, peer, gort, peer, .. so that what disturbs the machine disturbs all alike.
Needs python3 and cargo; for Go a `go` on the PATH or `--go PATH`. What cannot be built is left out, and said.
"""

import argparse
import contextlib
import json
import os
import platform
import re
import shutil
import signal
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PEERS = ("go", "tokio", "may", "go-lib")


def main():
    options = parse()
    say = lambda text: print(text, file=sys.stderr, flush=True)
    programs = build(options, say)
    names = options.names or [s for s in scenarios(programs["gort"]) if s not in options.skip]
    print(heading(programs, options))
    with hogs() if options.hog else contextlib.nullcontext():
        for workers in options.workers:
            table = []
            for name in names:
                say(f"{name}, {workers} workers")
                table.append((name, interleave(programs, name, workers, options)))
            print_table(table, workers, list(programs))
            print_details(table, list(programs))


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="scenarios; default: all that gort has")
    parser.add_argument("--peers", default="go", help=f"of {','.join(PEERS)}; default: go; `none`")
    parser.add_argument("--workers", default="1,2", help="default: 1,2")
    parser.add_argument("--runs", type=int, default=7, help="processes of each program; default: 7")
    parser.add_argument("--rounds", type=int, default=3, help="rounds in a process, the first cold")
    parser.add_argument("--n", type=int, help="operations; default: each scenario's own")
    parser.add_argument("--skip", default="", help="scenarios to leave out, with commas")
    parser.add_argument("--timeout", type=float, default=120, help="seconds for one process")
    parser.add_argument("--go", default=os.environ.get("GO", "go"), help="the go command")
    parser.add_argument("--hog", action="store_true", help="one busy process a core beside all runs")
    options = parser.parse_args()
    options.peers = [p for p in options.peers.split(",") if p and p != "none"]
    options.skip = options.skip.split(",")
    try:
        options.workers = [int(w) for w in options.workers.split(",")]
    except ValueError:
        parser.error("--workers takes whole numbers with commas")
    unknown = [p for p in options.peers if p not in PEERS]
    if unknown:
        parser.error(f"no peer {unknown[0]!r}; there are {', '.join(PEERS)}")
    if min(options.runs, options.rounds, *options.workers) < 1:
        parser.error("--runs, --rounds and --workers are at least 1")
    return options


# Building.


def build(options, say):
    """The command of each program that could be built, gort's first."""
    programs = {"gort": [build_gort(say)]}
    if "go" in options.peers:
        put(programs, "go", build_go(options.go, say), say)
    rust = [p for p in options.peers if p in ("tokio", "may", "go-lib")]
    if rust:
        folder = build_rust(say)
        for peer in rust:
            put(programs, peer, folder and folder / peer.replace("-", "_"), say)
    return programs


def put(programs, peer, path, say):
    if path is None:
        say(f"{peer} could not be built and is left out")
    else:
        programs[peer] = [path]


def build_gort(say):
    say("building gort")
    command = ["cargo", "bench", "--bench", "scenarios", "--no-run", "--message-format=json"]
    out = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    if out.returncode != 0:
        sys.exit("gort could not be built")
    built = [json.loads(line) for line in out.stdout.splitlines() if line.startswith("{")]
    return next(
        m["executable"] for m in built if m.get("executable") and m["target"]["name"] == "scenarios"
    )


def build_rust(say):
    """The folder of the built peers in Rust."""
    say("building the peers in Rust")
    command = ["cargo", "build", "--release"]
    target = HERE / "rust" / "target"
    environment = dict(os.environ, CARGO_TARGET_DIR=str(target))
    out = subprocess.run(command, cwd=HERE / "rust", env=environment)
    return target / "release" if out.returncode == 0 else None


def build_go(go, say):
    if shutil.which(go) is None:
        return None
    say("building the peer in Go")
    environment = dict(os.environ, GOTOOLCHAIN="local", GOPROXY="off")
    command = [shutil.which(go), "build", "-o", "gobench", "."]
    out = subprocess.run(command, cwd=HERE / "go", env=environment)
    return HERE / "go" / "gobench" if out.returncode == 0 else None


# Running.

# Keeps a core busy for as long as the process that started it is there, and looks for it now and then.
HOG = "while kill -0 $PPID 2>/dev/null; do i=0; while [ $i -lt 99999 ]; do i=$((i + 1)); done; done"


@contextlib.contextmanager
def hogs():
    """One busy process a core, of the priority that the programs have too; none is left behind."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))  # so that `finally` is reached
    running = []
    try:
        for _ in os.sched_getaffinity(0):
            running.append(subprocess.Popen(["sh", "-c", HOG], stdin=subprocess.DEVNULL))
        yield
        ended = [hog for hog in running if hog.poll() is not None]
        if ended:
            print(f"{len(ended)} of the busy processes ended too early", file=sys.stderr)
    finally:
        for hog in running:
            hog.kill()
            hog.wait()


def scenarios(command):
    out = subprocess.run(command + ["--list"], stdout=subprocess.PIPE, text=True, check=True)
    return [line.split()[0] for line in out.stdout.splitlines()]


def interleave(programs, name, workers, options):
    """For each program its runs of one scenario, or in their place why there are none."""
    results = {p: [] for p in programs}
    for p, command in programs.items():
        if name not in scenarios(command):
            results[p] = "-"
    for _ in range(options.runs):
        for p, command in programs.items():
            if isinstance(results[p], list):
                run = run_once(command, name, workers, options)
                results[p] = run if isinstance(run, str) else results[p] + [run]
    return results


def run_once(command, name, workers, options):
    """One process: its line of JSON with the CPU time it took added, or a word for what went wrong."""
    command = command + [name, "--json", "--workers", str(workers), "--rounds", str(options.rounds)]
    if options.n:
        command += ["--n", str(options.n)]
    start = time.monotonic()
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    timer = threading.Timer(options.timeout, child.kill)
    timer.start()
    errors = []
    reader = threading.Thread(target=lambda: errors.append(child.stderr.read()))
    reader.start()
    text = child.stdout.read().decode()
    reader.join()
    _, status, usage = os.wait4(child.pid, 0)
    timer.cancel()
    child.returncode = os.waitstatus_to_exitcode(status)
    child.stdout.close()
    child.stderr.close()
    if child.returncode != 0:
        late = time.monotonic() - start >= options.timeout
        return "timeout" if late else fails(name, errors)
    lines = [line for line in text.splitlines() if line.startswith("{")]
    if not lines:
        return "-"  # it said on stderr why it skipped the scenario
    run = json.loads(lines[0])
    run["cpu_ms"] = (usage.ru_utime + usage.ru_stime) * 1e3
    run["switches"] = usage.ru_nvcsw
    return run


def fails(name, errors):
    """Passes on what the program said, shortly."""
    lines = b"".join(errors).decode(errors="replace").strip().splitlines()
    for line in lines[:4]:
        print(f"    {name}: {line}", file=sys.stderr)
    return "fails"


# Printing.


def heading(programs, options):
    versions = [f"rustc {first_line(['rustc', '--version']).removeprefix('rustc ')}"]
    if "go" in programs:
        versions.append(first_line([shutil.which(options.go), "version"]))
    versions += [f"{p} {locked(p)}" for p in programs if p in ("tokio", "may", "go-lib")]
    commit = first_line(["git", "-C", str(ROOT), "rev-parse", "--short=12", "HEAD"])
    commit = commit or "unknown"
    if first_line(["git", "-C", str(ROOT), "status", "--porcelain", "--untracked-files=no"]):
        commit += ", with changes not committed"
    cores = len(os.sched_getaffinity(0))
    load = os.getloadavg()[0]
    beside = "; beside them one busy process a core" if options.hog else ""
    return "\n".join(
        [
            f"- machine: {cpu_model()}, {cores} cores, {platform.system()} {platform.release()}",
            f"- commit: {commit}",
            f"- versions: {'; '.join(versions)}",
            f"- each figure: the median of {options.runs} processes, run in turn, "
            f"{options.rounds} rounds each; load average at the start: {load:.2f}{beside}",
        ]
    )


def first_line(command):
    try:
        out = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    except OSError:
        return ""
    return out.stdout.partition("\n")[0]


def locked(package):
    lock = HERE / "rust" / "Cargo.lock"
    text = lock.read_text() if lock.exists() else ""
    found = re.search(rf'name = "{package}"\nversion = "([^"]+)"', text)
    return found.group(1) if found else "(version unknown)"


def cpu_model():
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def middle(runs, key):
    return statistics.median(run[key] for run in runs)


def show(value):
    return f"{value:,.1f}" if value < 1000 else f"{value:,.0f}"


def print_table(table, workers, programs):
    """The warm cost of an operation, and gort's ratio to each peer: below 1 is faster than the peer."""
    peers = [p for p in programs if p != "gort"]
    columns = ["scenario", "n"] + [f"{p} ns/op" for p in programs] + [f"gort/{p}" for p in peers]
    print(f"\n### {workers} worker{'s' if workers > 1 else ''}: warm\n")
    print_row(columns)
    print_row(["---"] + ["--:"] * (len(columns) - 1))
    for name, results in table:
        measured = {p: r for p, r in results.items() if isinstance(r, list)}
        n = next((f"{runs[0]['n']:,}" for runs in measured.values()), "")
        costs = {p: middle(runs, "ns_per_op") for p, runs in measured.items()}
        row = [name, n] + [show(costs[p]) if p in costs else results[p] for p in programs]
        both = [p in costs and "gort" in costs for p in peers]
        row += [f"{costs['gort'] / costs[p]:.2f}" if ok else "" for p, ok in zip(peers, both)]
        print_row(row)


def print_details(table, programs):
    """Cold rounds, memory, processor time, and what else a scenario measures."""
    columns = ["scenario", "program", "cold ns/op", "min ns/op", "rounds ms", "peak MiB", "CPU ms", "switches", "more"]
    print("\n<details><summary>cold, memory, processor time</summary>\n")
    print_row(columns)
    print_row(["---", "---"] + ["--:"] * 6 + ["---"])
    for name, results in table:
        for p in programs:
            runs = results[p]
            if not isinstance(runs, list):
                continue
            keys = ("cold_ns_per_op", "min_ns_per_op", "total_ms")
            row = [name, p] + [show(middle(runs, key)) for key in keys]
            row += [show(middle(runs, "peak_kib") / 1024), show(middle(runs, "cpu_ms"))]
            row += [f"{middle(runs, 'switches'):,.0f}", extras(runs)]
            print_row(row)
    print("\n</details>")


def extras(runs):
    """Each further figure, cold and warm."""
    figures = []
    for key in runs[0]["extra"]:
        cold = statistics.median(run["cold_extra"][key] for run in runs)
        warm = statistics.median(run["extra"][key] for run in runs)
        figures.append(f"{key} {show(cold)} cold, {show(warm)} warm")
    return "; ".join(figures)


def print_row(cells):
    print("| " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
