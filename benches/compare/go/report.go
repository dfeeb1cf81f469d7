package main

// What one round measured, and how all rounds of a scenario are summed up and printed: as report.rs of gort's own
// program does, field by field. The first round is the cold one and is always shown apart.

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

type extra struct {
	name  string
	value float64
}

type sample struct {
	ops     int
	elapsed time.Duration
	nsPerOp float64
	extras  []extra
}

func timed(ops int, elapsed time.Duration) sample {
	return sample{ops: ops, elapsed: elapsed, nsPerOp: perOp(elapsed, ops)}
}

func perOp(d time.Duration, ops int) float64 {
	return float64(d.Nanoseconds()) / float64(max(ops, 1))
}

// latency is a round whose operations were timed one by one.
func latency(elapsed time.Duration, each []int64) sample {
	slices.Sort(each)
	at := func(percent int) float64 { return float64(each[(len(each)-1)*percent/100]) }
	extras := []extra{{"p50_ns", at(50)}, {"p90_ns", at(90)}, {"p99_ns", at(99)}, {"max_ns", at(100)}}
	return sample{len(each), elapsed, at(50), extras}
}

func (s sample) with(name string, value float64) sample {
	s.extras = append(s.extras, extra{name, value})
	return s
}

type record struct {
	name    string
	workers int
	rounds  []sample
}

// warm is all rounds but the first, or the first if it is the only one.
func (r record) warm() []sample {
	if len(r.rounds) > 1 {
		return r.rounds[1:]
	}
	return r.rounds
}

func (r record) each(of func(sample) float64) []float64 {
	var all []float64
	for _, s := range r.warm() {
		all = append(all, of(s))
	}
	slices.Sort(all)
	return all
}

// median of sorted values.
func median(v []float64) float64 {
	half := len(v) / 2
	if len(v)%2 == 1 {
		return v[half]
	}
	return (v[half-1] + v[half]) / 2
}

// line is what --json prints.
type line struct {
	Runtime   string             `json:"runtime"`
	Name      string             `json:"name"`
	N         int                `json:"n"`
	Workers   int                `json:"workers"`
	Rounds    int                `json:"rounds"`
	NsPerOp   float64            `json:"ns_per_op"`
	MinNs     float64            `json:"min_ns_per_op"`
	ColdNs    float64            `json:"cold_ns_per_op"`
	TotalMs   float64            `json:"total_ms"`
	RssKiB    int                `json:"rss_kib"`
	PeakKiB   int                `json:"peak_kib"`
	Extra     map[string]float64 `json:"extra"`
	ColdExtra map[string]float64 `json:"cold_extra"`
	Metrics   string             `json:"metrics"`
}

func (r record) line() line {
	ns := r.each(func(s sample) float64 { return s.nsPerOp })
	rss, peak := memory()
	l := line{
		Runtime: "go", Name: r.name, N: r.rounds[0].ops, Workers: r.workers, Rounds: len(r.rounds),
		NsPerOp: median(ns), MinNs: ns[0], ColdNs: r.rounds[0].nsPerOp,
		TotalMs: median(r.each(func(s sample) float64 { return s.elapsed.Seconds() * 1e3 })),
		RssKiB:  rss, PeakKiB: peak,
		Extra: map[string]float64{}, ColdExtra: map[string]float64{},
	}
	for i, e := range r.rounds[0].extras {
		l.ColdExtra[e.name] = e.value
		l.Extra[e.name] = median(r.each(func(s sample) float64 { return s.extras[i].value }))
	}
	return l
}

func (r record) print(asJSON bool) {
	l := r.line()
	if asJSON {
		text, err := json.Marshal(l)
		if err != nil {
			panic(err)
		}
		fmt.Println(string(text))
		return
	}
	fmt.Printf("%-20s workers %d n %-9d cold %9.1f  warm min %9.1f  median %9.1f ns/op  total %8.1f ms  rss %d KiB  peak %d KiB\n",
		l.Name, l.Workers, l.N, l.ColdNs, l.MinNs, l.NsPerOp, l.TotalMs, l.RssKiB, l.PeakKiB)
	for _, e := range r.rounds[0].extras {
		fmt.Printf("    %-24s cold %12.1f  warm %12.1f\n", e.name, e.value, l.Extra[e.name])
	}
}

// memory is what this process holds, and held at most, in KiB, by the kernel's account.
func memory() (rss, peak int) {
	status, _ := os.ReadFile("/proc/self/status")
	for _, l := range strings.Split(string(status), "\n") {
		f := strings.Fields(l)
		if len(f) < 2 {
			continue
		}
		switch f[0] {
		case "VmRSS:":
			rss, _ = strconv.Atoi(f[1])
		case "VmHWM:":
			peak, _ = strconv.Atoi(f[1])
		}
	}
	return
}
