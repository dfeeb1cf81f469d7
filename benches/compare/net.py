#!/usr/bin/env python3
"""Puts load on gort's network servers and on its peers', interleaved, and prints Markdown tables with ratios to Go.

Each run is a server of its own that a load generator drives over loopback: gort, go, tokio, .., and again from the
first one, so that what disturbs the machine disturbs all alike. Needs Linux, python3 and cargo; for Go a `go` on the
PATH or `--go PATH`. What cannot be built is left out, and said.
"""

import argparse
import json
import os
import re
import resource
import selectors
import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path

sys.dont_write_bytecode = True  # no folder of compiled files beside the programs
import run  # noqa: E402

HERE = Path(__file__).resolve().parent
SERVERS = ("gort", "go", "tokio", "may", "threads")
FILES = 12_000  # descriptors that the largest scenario needs, with room
BUSY_BESIDE_IDLE = 100
IDLE = 10_000

# What a scenario asks of the load generator. The last two belong together.
SCENARIOS = {
    f"{what}_{n}": (["--connections", str(n)] + arguments)
    for what, arguments in (
        ("echo_64b", ["--mode", "echo", "--size", "64"]),
        ("echo_64k", ["--mode", "echo", "--size", "65536"]),
        ("http", ["--mode", "http"]),
    )
    for n in (1, 64, 1000)
}
SCENARIOS["http_100"] = ["--mode", "http", "--connections", str(BUSY_BESIDE_IDLE)]
SCENARIOS["http_100_idle_10k"] = SCENARIOS["http_100"] + ["--idle", str(IDLE), "--touch"]

# The figures of a table: their names in the load generator's JSON, and as they are shown.
FIGURES = {
    "requests_per_s": "requests/s",
    "p50_us": "p50 us",
    "p99_us": "p99 us",
    "p999_us": "p99.9 us",
    "max_us": "max us",
    "cpu_us_per_request": "CPU us/request",
    "rss_kib": "RSS KiB",
    "threads": "threads",
    "kib_per_idle": "KiB/idle connection",
}


def main():
    options = parse()
    allow_files()
    servers, load = build(options)
    print(heading(servers, options))
    everything = []
    # So that `finally` is reached, and no server is left behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))
    for workers in options.workers:
        table = []
        for name in options.names:
            say(f"{name}, {workers} workers")
            table.append((name, interleave(servers, load, name, workers, options)))
        print_table(table, workers, list(servers))
        print_idle(dict(table))
        everything.append({"workers": workers, "scenarios": dict(table)})
    if options.json:
        about = {"heading": heading(servers, options), "runs": everything}
        options.json.write_text(json.dumps(about, indent=1) + "\n")
    every = [runs for part in everything for results in part["scenarios"].values() for runs in results.values()]
    sys.exit(1 if any(isinstance(runs, str) or errors(runs) for runs in every) else 0)


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(SCENARIOS)}; default: all")
    parser.add_argument("--servers", default=",".join(SERVERS), help=f"default: {','.join(SERVERS)}")
    parser.add_argument("--workers", default="1,2", help="default: 1,2")
    parser.add_argument("--rounds", type=int, default=5, help="runs of each server; default: 5")
    parser.add_argument("--seconds", type=float, default=5, help="that count in a run; default: 5")
    parser.add_argument("--warmup", type=float, default=1, help="seconds before them; default: 1")
    parser.add_argument("--pipeline", type=int, default=1, help="requests sent at once; default: 1")
    parser.add_argument("--timeout", type=float, default=60, help="seconds beyond both for one run")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every run's figures there")
    parser.add_argument("--go", default=os.environ.get("GO", "go"), help="the go command")
    options = parser.parse_args()
    options.names = options.names or list(SCENARIOS)
    options.servers = options.servers.split(",")
    try:
        options.workers = [int(w) for w in options.workers.split(",")]
    except ValueError:
        parser.error("--workers takes whole numbers with commas")
    for given, known in ((options.names, SCENARIOS), (options.servers, SERVERS)):
        unknown = [name for name in given if name not in known]
        if unknown:
            parser.error(f"no {unknown[0]!r}; there are {', '.join(known)}")
    if min(options.rounds, options.pipeline, *options.workers) < 1 or options.seconds <= 0:
        parser.error("--rounds, --pipeline, --workers and --seconds are above 0")
    return options


def say(text):
    print(text, file=sys.stderr, flush=True)


def allow_files():
    """As many descriptors as may be, for this process and so for all it starts."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < FILES:
        say(f"the limit of open files is {hard}; the scenarios with many connections need {FILES}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


# Building.


def build(options):
    """The command of each server that could be built, in the order asked for, and the load generator's."""
    rust = run.build_rust(say)
    if rust is None:
        sys.exit("the load generator could not be built")
    paths = {p: rust / f"net_{p}" for p in ("tokio", "may", "threads")}
    if "gort" in options.servers:
        paths["gort"] = build_gort()
    if "go" in options.servers:
        paths["go"] = run.build_go(options.go, say)
    servers = {}
    for name in options.servers:
        run.put(servers, name, paths[name], say)
    if not servers:
        sys.exit("there is no server")
    return servers, rust / "load"


def build_gort():
    say("building gort's servers")
    folder = HERE / "gort-serve"
    environment = dict(os.environ, CARGO_TARGET_DIR=str(folder / "target"))
    out = subprocess.run(["cargo", "build", "--release"], cwd=folder, env=environment)
    return folder / "target" / "release" / "gort-serve" if out.returncode == 0 else None


# Running.


def interleave(servers, load, name, workers, options):
    """For each server its runs of one scenario, or in their place why there are none."""
    results = {s: [] for s in servers}
    for _ in range(options.rounds):
        for s, command in servers.items():
            if isinstance(results[s], list):
                one = run_once(command, load, name, workers, options)
                results[s] = one if isinstance(one, str) else results[s] + [one]
    return results


def run_once(command, load, name, workers, options):
    """One server under load: what the load generator says, or a word for what went wrong."""
    mode = SCENARIOS[name][SCENARIOS[name].index("--mode") + 1]
    server_cpus, load_cpus = cpus(workers)
    server = subprocess.Popen(
        command + [f"serve-{mode}", "127.0.0.1:0", "--workers", str(workers)],
        stdout=subprocess.PIPE,
        preexec_fn=lambda: os.sched_setaffinity(0, server_cpus),
    )
    try:
        addr = address(server)
        if addr is None:
            say(f"    {name}: {command[0].name} did not say where it listens")
            return "fails"
        asked = SCENARIOS[name] + ["--pipeline", str(options.pipeline)]
        asked += ["--seconds", str(options.seconds), "--warmup", str(options.warmup)]
        out = subprocess.run(
            [load, addr] + asked + ["--pid", str(server.pid), "--json"],
            stdout=subprocess.PIPE,
            timeout=options.seconds + options.warmup + options.timeout,
            preexec_fn=lambda: os.sched_setaffinity(0, load_cpus),
        )
    except subprocess.TimeoutExpired:
        return "timeout"
    finally:
        server.kill()
        server.wait()
        server.stdout.close()
    return json.loads(out.stdout) if out.returncode == 0 else "fails"


def cpus(workers):
    """The CPUs of the server, as many as workers, and those of the load generator: the others, or all if none is left."""
    every = sorted(os.sched_getaffinity(0))
    return every[:workers], every[workers:] or every


def address(server):
    """Where the server listens, or None if its first line does not come or says something else."""
    with selectors.DefaultSelector() as selector:
        selector.register(server.stdout, selectors.EVENT_READ)
        if not selector.select(timeout=10):
            return None
    found = re.fullmatch(rb"listening on (\S+)\s*", server.stdout.readline())
    return found and found.group(1).decode()


def errors(runs):
    return sum(one["errors"] for one in runs)


# Printing.


def heading(servers, options):
    versions = [f"rustc {run.first_line(['rustc', '--version']).removeprefix('rustc ')}"]
    if "go" in servers:
        versions.append(run.first_line([options.go, "version"]))
    packages = {"tokio": ("tokio", "hyper"), "may": ("may", "may_minihttp")}
    versions += [f"{p} {run.locked(p)}" for s in servers for p in packages.get(s, ())]
    commit = run.first_line(["git", "-C", str(HERE), "rev-parse", "--short=12", "HEAD"]) or "unknown"
    cores = len(os.sched_getaffinity(0))
    return "\n".join(
        [
            f"- machine: {run.cpu_model()}, {cores} cores, {os.uname().sysname} {os.uname().release}",
            f"- commit: {commit}",
            f"- versions: {'; '.join(versions)}",
            f"- each figure: the median of {options.rounds} runs in turn, {options.seconds:g} s each after "
            f"{options.warmup:g} s; pipeline {options.pipeline}; {time.strftime('%Y-%m-%d')}; "
            f"load average at the start: {os.getloadavg()[0]:.2f}",
        ]
    )


def print_table(table, workers, servers):
    """Each server's figures, and its ratio to Go: above 1 is more requests a second, or a longer delay."""
    print(f"\n### {workers} worker{'s' if workers > 1 else ''}\n")
    columns = ["scenario", "server"] + list(FIGURES.values()) + ["requests/s to Go", "p99 to Go", "errors"]
    run.print_row(columns)
    run.print_row(["---", "---"] + ["--:"] * (len(columns) - 2))
    for name, results in table:
        for s in servers:
            runs = results[s]
            if isinstance(runs, str):
                run.print_row([name, s, runs] + [""] * (len(columns) - 3))
                continue
            row = [name, s] + [run.show(run.middle(runs, key)) if key in runs[0] else "" for key in FIGURES]
            row += [ratio(runs, results.get("go"), key) for key in ("requests_per_s", "p99_us")]
            run.print_row(row + [said(runs)])


def ratio(runs, others, key):
    if not isinstance(others, list) or others is runs:
        return ""
    other = run.middle(others, key)
    return f"{run.middle(runs, key) / other:.2f}" if other else ""


def said(runs):
    """How many errors there were with the last of them, and connections that were never answered."""
    words = [f"{errors(runs)}: {one['last_error']}" for one in runs if one["errors"]][-1:]
    silent = max(one["silent"] for one in runs)
    return "; ".join(words + ([f"{silent:.0f} connections without an answer"] if silent else []))


def print_idle(table):
    """What 10,000 idle connections do to the delays of the busy ones."""
    alone, beside = table.get("http_100"), table.get("http_100_idle_10k")
    if not alone or not beside:
        return
    print(f"\np99 of {BUSY_BESIDE_IDLE} busy connections beside {IDLE:,} idle ones, to that without them:\n")
    run.print_row(["server", "ratio"])
    run.print_row(["---", "--:"])
    for s, runs in beside.items():
        if isinstance(runs, list) and isinstance(alone[s], list):
            run.print_row([s, ratio(runs, alone[s], "p99_us")])


if __name__ == "__main__":
    main()
