// The peer in Go: the scenarios of benches/scenarios under the same names, options and lines of JSON.
//
// main.go is the table and the command line, report.go the figures; the scenarios are in a file for each subject,
// and net.go has the servers.
package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
)

type scenario struct {
	name       string
	defaultN   int
	minWorkers int
	run        func(n int) sample
}

var table = []scenario{
	{"spawn_fanout", 1_000_000, 1, fanout},
	{"spawn_chain", 1_000_000, 1, chain},
	{"spawn_join", 1_000_000, 1, join},
	{"spawn_capture4", 1_000_000, 1, capture4},
	{"skynet_1m", 1_000_000, 1, skynet},
	{"pingpong", 1_000_000, 1, pingpong},
	{"pingpong_far", 1_000_000, 1, pingpongFar},
	{"chan_1p1c_0", 1_000_000, 1, func(n int) sample { return flow(1, 1, 0, n) }},
	{"chan_1p1c_1", 1_000_000, 1, func(n int) sample { return flow(1, 1, 1, n) }},
	{"chan_1p1c_128", 5_000_000, 1, func(n int) sample { return flow(1, 1, 128, n) }},
	{"chan_4p4c_0", 1_000_000, 1, func(n int) sample { return flow(4, 4, 0, n) }},
	{"chan_4p4c_1", 1_000_000, 1, func(n int) sample { return flow(4, 4, 1, n) }},
	{"chan_4p4c_128", 5_000_000, 1, func(n int) sample { return flow(4, 4, 128, n) }},
	{"chan_uncontended", 10_000_000, 1, uncontended},
	{"ring_503", 1_000_000, 1, ring},
	{"reqrep", 500_000, 1, reqrep},
	{"stateful", 500_000, 1, stateful},
	{"memo", 200_000, 1, memo},
	{"balancer", 200_000, 1, balancer},
	{"mutex_1", 10_000_000, 1, func(n int) sample { return mutex(1, n) }},
	{"mutex_2", 2_000_000, 1, func(n int) sample { return mutex(2, n) }},
	{"mutex_100", 2_000_000, 1, func(n int) sample { return mutex(100, n) }},
	{"rwmutex_1", 10_000_000, 1, func(n int) sample { return rwMutex(1, n) }},
	{"rwmutex_100", 2_000_000, 1, func(n int) sample { return rwMutex(100, n) }},
	{"yield_1", 5_000_000, 1, func(n int) sample { return yields(1, n) }},
	{"yield_1000", 5_000_000, 1, func(n int) sample { return yields(1000, n) }},
	{"yield_100k", 2_000_000, 1, func(n int) sample { return yields(100_000, n) }},
	{"pool_balance", 8192, 1, poolBalance},
	{"pool_2", 800, 1, func(n int) sample { return pool(2, n) }},
	{"pool_3", 800, 1, func(n int) sample { return pool(3, n) }},
	{"pool_8", 800, 1, func(n int) sample { return pool(8, n) }},
	{"pool_64", 800, 1, func(n int) sample { return pool(64, n) }},
	{"steal_latency", 5_000, 2, stealLatency},
	{"wake_idle", 500, 2, wakeIdle},
	{"wake_to_run", 500, 2, wakeToRun},
	{"wake_to_run_mix", 500, 2, wakeToRunMix},
	{"late_sleepers", 200, 1, lateSleepers},
	{"timers_beside_turns", 100, 1, timersBesideTurns},
	{"parked_1m", 1_000_000, 1, parked},
	{"churn", 2_000_000, 1, churn},
	{"sleepers", 1_000_000, 1, sleepers},
}

type options struct {
	names      []string
	n, rounds  int
	workers    []int
	json, list bool
}

func main() {
	if len(os.Args) > 1 && strings.HasPrefix(os.Args[1], "serve-") {
		if os.Args[1] != "serve-echo" && os.Args[1] != "serve-http" {
			fail("no server " + os.Args[1])
		}
		serve(os.Args[1:])
	}
	o := parse(os.Args[1:])
	if o.list || len(o.names) == 0 {
		for _, s := range table {
			fmt.Printf("%-22s %9d\n", s.name, s.defaultN)
		}
		return
	}
	for _, name := range o.names {
		known := false
		for _, s := range table {
			if name == s.name || name == "all" {
				known = true
				eachWorkerCount(s, o)
			}
		}
		if !known {
			fail(fmt.Sprintf("no scenario %q; --list shows them all", name))
		}
	}
}

func eachWorkerCount(s scenario, o options) {
	for _, workers := range o.workers {
		if workers < s.minWorkers {
			fmt.Fprintf(os.Stderr, "%s: skipped, it needs %d workers\n", s.name, s.minWorkers)
			continue
		}
		runtime.GOMAXPROCS(workers)
		n := s.defaultN
		if o.n > 0 {
			n = o.n
		}
		r := record{name: s.name, workers: workers}
		for range o.rounds {
			r.rounds = append(r.rounds, s.run(n))
		}
		r.print(o.json)
	}
}

func parse(args []string) options {
	o := options{rounds: 3, workers: []int{runtime.NumCPU()}}
	for i := 0; i < len(args); i++ {
		arg := args[i]
		value := func() string {
			if i++; i == len(args) {
				fail(arg + " needs a value")
			}
			return args[i]
		}
		switch {
		case arg == "--n":
			o.n = count(value())
		case arg == "--rounds":
			o.rounds = count(value())
		case arg == "--workers":
			o.workers = nil
			for _, w := range strings.Split(value(), ",") {
				o.workers = append(o.workers, count(w))
			}
		case arg == "--json":
			o.json = true
		case arg == "--list":
			o.list = true
		case strings.HasPrefix(arg, "-"):
			fail("unknown option " + arg)
		default:
			o.names = append(o.names, arg)
		}
	}
	return o
}

// count reads a whole number above zero; 1_000 is one too.
func count(text string) int {
	n, err := strconv.Atoi(strings.ReplaceAll(text, "_", ""))
	if err != nil || n <= 0 {
		fail(fmt.Sprintf("%q is not a whole number above zero", text))
	}
	return n
}

func fail(message string) {
	fmt.Fprintln(os.Stderr, message)
	fmt.Fprintln(os.Stderr, "gobench: NAME.. [--n N] [--workers W[,W..]] [--rounds R] [--json] [--list]")
	fmt.Fprintln(os.Stderr, "         serve-echo|serve-http ADDR [--workers W]")
	os.Exit(2)
}
