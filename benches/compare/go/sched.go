package main

// Scenarios of the scheduler.

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

func yields(goroutines, n int) sample {
	goroutines = min(goroutines, n)
	each := (n + goroutines - 1) / goroutines
	start := time.Now()
	var wg sync.WaitGroup
	for range goroutines {
		wg.Go(func() {
			for range each {
				runtime.Gosched()
			}
		})
	}
	wg.Wait()
	return timed(each*goroutines, time.Since(start))
}

func poolBalance(n int) sample {
	const pool = 8
	c := make(chan uint64, 2*pool)
	var shares [pool]struct {
		count int
		_     [120]byte // a cache line each, so that counting costs nothing
	}
	start := time.Now()
	var wg sync.WaitGroup
	for i := range pool {
		wg.Go(func() {
			for seed := range c {
				pieceOfWork(seed)
				shares[i].count++
			}
		})
	}
	for i := range n {
		c <- uint64(i)
	}
	close(c)
	wg.Wait()
	elapsed := time.Since(start)
	most, sum := 0, 0
	for _, s := range shares {
		most, sum = max(most, s.count), sum+s.count
	}
	check(sum == n)
	return timed(n, elapsed).with("largest_share_percent", 100*float64(most)/float64(n))
}

// pool: so many members, all parked before the parent hands out the first of n jobs over an
// unbuffered channel.
func pool(members, n int) sample {
	c := make(chan uint64)
	var done atomic.Int64
	var wg sync.WaitGroup
	for range members {
		wg.Go(func() {
			count := 0
			for seed := range c {
				work(seed, 400_000) // about 0.8 ms
				count++
			}
			done.Add(int64(count))
		})
	}
	time.Sleep(20 * time.Millisecond)
	start := time.Now()
	for i := range n {
		c <- uint64(i)
	}
	close(c)
	wg.Wait()
	elapsed := time.Since(start)
	check(done.Load() == int64(n))
	return timed(n, elapsed)
}

// pieceOfWork is a fixed amount of dependent arithmetic, as in the other programs.
func pieceOfWork(seed uint64) { work(seed, 20_000) }

// arithmetic is so many dependent steps, of about 2 ns each; never zero.
func arithmetic(seed uint64, steps int) uint64 {
	x := seed | 1
	for range steps {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
	}
	return x
}

var sink atomic.Uint64

// work is arithmetic whose result nobody wants.
func work(seed uint64, steps int) {
	if arithmetic(seed, steps) == 0 {
		sink.Add(1) // never: it keeps the loop
	}
}

func stealLatency(n int) sample {
	delays := make([]int64, n)
	start := time.Now()
	var wg sync.WaitGroup
	for i := range n {
		published := time.Now()
		wg.Go(func() { delays[i] = time.Since(published).Nanoseconds() })
		spinFor(100 * time.Microsecond)
	}
	wg.Wait()
	return latency(time.Since(start), delays)
}

// wakeIdle: the goroutine woken is free to move, so here it may also be the waker's processor that resumes it.
func wakeIdle(n int) sample {
	c := make(chan time.Time, 1)
	var started atomic.Bool
	var delays []int64
	var wg sync.WaitGroup
	wg.Go(func() {
		started.Store(true)
		for sent := range c {
			delays = append(delays, time.Since(sent).Nanoseconds())
		}
	})
	for !started.Load() {
	}
	start := time.Now()
	for range n {
		spinFor(time.Millisecond)
		c <- time.Now()
	}
	close(c)
	wg.Wait()
	return latency(time.Since(start), delays)
}

func spinFor(d time.Duration) {
	for start := time.Now(); time.Since(start) < d; {
	}
}
