package main

// Scenarios of being late: what is woken, or due, or fresh while others compute.

import (
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// wakeToRun: a goroutine wakes another, then computes on for 300 us.
func wakeToRun(n int) sample {
	return wakeEach(n, func() { spinFor(wakerComputes) })
}

// wakeToRunMix is the same, and before each wake-up the waker plays 200 rounds of ping-pong with a
// third one.
func wakeToRunMix(n int) sample {
	ping, pong, ended := make(chan struct{}), make(chan struct{}), make(chan struct{})
	go func() {
		for range ping {
			pong <- struct{}{}
		}
		close(ended)
	}()
	s := wakeEach(n, func() {
		for range 200 {
			ping <- struct{}{}
			<-pong
		}
	})
	close(ping)
	<-ended
	return s
}

const wakerComputes = 300 * time.Microsecond

func wakeEach(n int, before func()) sample {
	wakes, seen := make(chan time.Time, 1), make(chan struct{}, 1)
	each := make([]int64, 0, n)
	var wg sync.WaitGroup
	wg.Go(func() {
		for sent := range wakes {
			each = append(each, time.Since(sent).Nanoseconds())
			seen <- struct{}{}
		}
	})
	start := time.Now()
	wg.Go(func() {
		for range n {
			before()
			wakes <- time.Now()
			spinFor(wakerComputes)
			<-seen
		}
		close(wakes)
	})
	wg.Wait()
	return latency(time.Since(start), each)
}

// lateSleepers: 200 goroutines sleep 20 ms over and over, beside one that computes for 3 s. What is
// measured is by how much each of the 200 was late at its worst.
func lateSleepers(int) sample {
	const sleep = 20 * time.Millisecond
	worst := make([]int64, 200)
	start := time.Now()
	var sleepers, spinner, fresh sync.WaitGroup
	for i := range worst {
		sleepers.Go(func() {
			for time.Since(start) < 3500*time.Millisecond {
				worst[i] = max(worst[i], latenessOf(sleep))
			}
		})
	}
	time.Sleep(200 * time.Millisecond)
	spinner.Go(func() { spinFor(3 * time.Second) })
	time.Sleep(100 * time.Millisecond)
	published := time.Now()
	starts := make([]int64, 100)
	for i := range starts {
		fresh.Go(func() { starts[i] = time.Since(published).Nanoseconds() })
	}
	fresh.Wait()
	sleepers.Wait()
	spinner.Wait()
	elapsed := time.Since(start)
	late := 0
	for _, ns := range worst {
		if ns > sleep.Nanoseconds() {
			late++
		}
	}
	return latency(elapsed, worst).
		with("late_sleepers", float64(late)).
		with("fresh_start_max_ns", float64(slices.Max(starts)))
}

// latenessOf sleeps, and returns by how many nanoseconds it took longer.
func latenessOf(sleep time.Duration) int64 {
	start := time.Now()
	time.Sleep(sleep)
	return max(0, (time.Since(start) - sleep).Nanoseconds())
}

// timersBesideTurns: a stream of goroutines that compute for 5 ms each, 8 more than there are
// workers. Beside it one sleeps 2 ms 100 times, and one starts a goroutine 50 times; neither begins
// anew after 3 s.
//
// Every thread is a worker here, so what stands for the plain thread is a goroutine that comes out of
// a system call and needs a processor first. It counts from when the system call should end.
func timersBesideTurns(int) sample {
	start := time.Now()
	isOver := func() bool { return time.Since(start) > 3*time.Second }
	var stop atomic.Bool
	var stream, beside sync.WaitGroup
	var turn func()
	turn = func() {
		spinFor(5 * time.Millisecond)
		if stop.Load() {
			stream.Done()
		} else {
			go turn()
		}
	}
	members := 8 + runtime.GOMAXPROCS(0)
	stream.Add(members)
	for range members {
		go turn()
	}
	var late, starts []int64
	beside.Go(func() {
		for len(late) == 0 || len(late) < 100 && !isOver() {
			late = append(late, latenessOf(2*time.Millisecond))
		}
	})
	beside.Go(func() {
		fresh := make(chan int64)
		for len(starts) == 0 || len(starts) < 50 && !isOver() {
			due := time.Now().Add(time.Millisecond)
			sleepInTheKernel(time.Millisecond)
			go func() { fresh <- time.Since(due).Nanoseconds() }()
			starts = append(starts, <-fresh)
		}
	})
	beside.Wait()
	stop.Store(true)
	stream.Wait()
	slices.Sort(starts)
	return latency(time.Since(start), late).
		with("spawn_p50_ns", float64(starts[(len(starts)-1)/2])).
		with("spawn_max_ns", float64(starts[len(starts)-1]))
}

// sleepInTheKernel blocks this thread, which a signal may interrupt.
func sleepInTheKernel(d time.Duration) {
	left := syscall.NsecToTimespec(d.Nanoseconds())
	for syscall.Nanosleep(&left, &left) == syscall.EINTR {
	}
}
