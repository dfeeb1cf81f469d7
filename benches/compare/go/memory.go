package main

// Scenarios of many goroutines at once.

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

var rssBefore = -1

// parked counts bytes a goroutine from what the process held before the first round, as gort's program does.
func parked(n int) sample {
	if rssBefore < 0 {
		rssBefore, _ = memory()
	}
	c := make(chan struct{})
	var started, ended sync.WaitGroup
	start := time.Now()
	started.Add(n)
	ended.Add(n)
	for range n {
		go func() {
			started.Done()
			<-c
			ended.Done()
		}()
	}
	started.Wait()
	allParked := time.Since(start)
	rss, _ := memory()
	start = time.Now()
	close(c)
	ended.Wait()
	released := time.Since(start)
	return timed(n, allParked).
		with("release_ns_per_op", perOp(released, n)).
		with("bytes_per_goroutine", float64(rss-rssBefore)*1024/float64(n))
}

func churn(n int) sample {
	chains := min(n, 1000)
	var left atomic.Int64
	left.Store(int64(n - chains))
	var wg sync.WaitGroup
	var live func()
	live = func() {
		runtime.Gosched()
		if left.Add(-1) >= 0 {
			go live()
		} else {
			wg.Done()
		}
	}
	start := time.Now()
	wg.Add(chains)
	for range chains {
		go live()
	}
	wg.Wait()
	return timed(n, time.Since(start))
}

func sleepers(n int) sample {
	start := time.Now()
	var wg sync.WaitGroup
	wg.Add(n)
	for i := range n {
		go func() {
			time.Sleep(time.Duration(i%1000) * time.Millisecond)
			wg.Done()
		}()
	}
	wg.Wait()
	return timed(n, time.Since(start))
}
