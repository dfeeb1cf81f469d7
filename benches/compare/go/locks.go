package main

// Scenarios of locks.

import (
	"sync"
	"time"
)

func mutex(goroutines, n int) sample {
	var mu sync.Mutex
	total := 0
	each := (n + goroutines - 1) / goroutines
	start := time.Now()
	var wg sync.WaitGroup
	for range goroutines {
		wg.Go(func() {
			for range each {
				mu.Lock()
				total++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	s := timed(each*goroutines, time.Since(start))
	check(total == each*goroutines)
	return s
}

func rwMutex(goroutines, n int) sample {
	var mu sync.RWMutex
	total := 0
	each := (n + goroutines - 1) / goroutines
	start := time.Now()
	var wg sync.WaitGroup
	for range goroutines {
		wg.Go(func() {
			seen := 0
			for i := range each {
				if i%100 == 0 {
					mu.Lock()
					total++
					mu.Unlock()
				} else {
					mu.RLock()
					seen += total
					mu.RUnlock()
				}
			}
			check(seen >= 0)
		})
	}
	wg.Wait()
	s := timed(each*goroutines, time.Since(start))
	check(total == (each+99)/100*goroutines)
	return s
}
