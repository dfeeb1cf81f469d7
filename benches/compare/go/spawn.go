package main

// Scenarios of spawning.

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// fanout counts all goroutines in with one Add before it starts them: faster here than WaitGroup.Go.
func fanout(n int) sample {
	var count atomic.Int64
	start := time.Now()
	var wg sync.WaitGroup
	wg.Add(n)
	for range n {
		go func() { count.Add(1); wg.Done() }()
	}
	wg.Wait()
	s := timed(n, time.Since(start))
	check(count.Load() == int64(n))
	return s
}

func chain(n int) sample {
	done := make(chan struct{}, 1)
	start := time.Now()
	link(n, done)
	<-done
	return timed(n, time.Since(start))
}

func link(left int, done chan<- struct{}) {
	if left == 0 {
		done <- struct{}{}
	} else {
		go link(left-1, done)
	}
}

// join: Go has no join, so each goroutine sends its result, on one channel used again and again.
func join(n int) sample {
	result := make(chan int, 1)
	sum := 0
	start := time.Now()
	for i := range n {
		go func() { result <- i }()
		sum += <-result
	}
	s := timed(n, time.Since(start))
	check(sum == n*(n-1)/2)
	return s
}

func capture4(n int) sample {
	var count atomic.Int64
	groups := (n + 3) / 4
	start := time.Now()
	for range groups {
		var wg sync.WaitGroup
		wg.Add(4)
		for i := range 4 {
			go func() {
				runtime.KeepAlive(i)
				count.Add(1)
				wg.Done()
			}()
		}
		wg.Wait()
	}
	s := timed(groups*4, time.Since(start))
	check(count.Load() == int64(groups)*4)
	return s
}

const children = 10

// skynet builds the tree with the largest power of ten up to n as its number of leaves.
func skynet(n int) sample {
	leaves := children
	for leaves*children <= n {
		leaves *= children
	}
	start := time.Now()
	c := make(chan int)
	go node(c, 0, leaves)
	sum := <-c
	elapsed := time.Since(start)
	check(sum == leaves*(leaves-1)/2)
	return timed((leaves*children-1)/(children-1), elapsed)
}

func node(parent chan<- int, first, leaves int) {
	if leaves == 1 {
		parent <- first
		return
	}
	c := make(chan int)
	share := leaves / children
	for i := range children {
		go node(c, first+i*share, share)
	}
	sum := 0
	for range children {
		sum += <-c
	}
	parent <- sum
}

func check(ok bool) {
	if !ok {
		panic("a scenario went wrong")
	}
}
