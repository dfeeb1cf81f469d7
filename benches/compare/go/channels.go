package main

// Scenarios of channels.

import (
	"sync"
	"sync/atomic"
	"time"
)

func pingpong(n int) sample {
	ping, pong := make(chan int), make(chan int)
	ended := make(chan struct{})
	go func() {
		for v := range ping {
			pong <- v
		}
		close(ended)
	}()
	start := time.Now()
	for i := range n {
		ping <- i
		check(<-pong == i)
	}
	elapsed := time.Since(start)
	close(ping)
	<-ended
	return timed(n, elapsed)
}

// pingpongFar is the same between two goroutines that were both started: neither is the parent.
func pingpongFar(n int) sample {
	ping, pong := make(chan int), make(chan int)
	ended, elapsed := make(chan struct{}), make(chan time.Duration)
	go func() {
		for v := range ping {
			pong <- v
		}
		close(ended)
	}()
	go func() {
		start := time.Now()
		for i := range n {
			ping <- i
			check(<-pong == i)
		}
		elapsed <- time.Since(start)
		close(ping)
	}()
	s := timed(n, <-elapsed)
	<-ended
	return s
}

// flow sends n messages from some producers to some consumers.
func flow(producers, consumers, capacity, n int) sample {
	c := make(chan int, capacity)
	each := (n + producers - 1) / producers
	var received atomic.Int64
	start := time.Now()
	var sending, receiving sync.WaitGroup
	for range consumers {
		receiving.Go(func() {
			count := 0
			for range c {
				count++
			}
			received.Add(int64(count))
		})
	}
	for range producers {
		sending.Go(func() {
			for i := range each {
				c <- i
			}
		})
	}
	sending.Wait()
	close(c)
	receiving.Wait()
	s := timed(each*producers, time.Since(start))
	check(received.Load() == int64(each*producers))
	return s
}

func uncontended(n int) sample {
	const batch = 100
	c := make(chan int, batch)
	batches := (n + batch - 1) / batch
	start := time.Now()
	for range batches {
		for i := range batch {
			c <- i
		}
		for i := range batch {
			check(<-c == i)
		}
	}
	return timed(batches*batch, time.Since(start))
}

// ring hands a token on n times in a ring of 503; the parent is one of them.
func ring(n int) sample {
	const size = 503
	first := make(chan int)
	last := first
	for range size - 1 {
		from, next := last, make(chan int)
		go func() {
			for left := range from {
				next <- left - 1
			}
			close(next)
		}()
		last = next
	}
	laps := (n + size - 1) / size
	start := time.Now()
	for lap := laps; lap > 0; lap-- {
		first <- lap * size
		check(<-last == (lap-1)*size+1)
	}
	elapsed := time.Since(start)
	close(first)
	return timed(laps*size, elapsed)
}
