package main

// Scenarios of requests and replies: one goroutine owns what many others ask for.

import (
	"sync"
	"time"
)

const (
	clients   = 100
	smallWork = 100 // steps of arithmetic that take about 200 ns
)

func reqrep(n int) sample {
	type request struct {
		x     int
		reply chan int
	}
	requests, served := make(chan request), make(chan int, 1)
	go func() {
		count := 0
		for r := range requests {
			r.reply <- r.x + 1
			count++
		}
		served <- count
	}()
	each := (n + clients - 1) / clients
	s := together(clients, each, func(int) {
		for i := range each {
			reply := make(chan int)
			requests <- request{i, reply}
			check(<-reply == i+1)
		}
	})
	close(requests)
	check(<-served == each*clients)
	return s
}

type readOp struct {
	key   int
	reply chan int
}

type writeOp struct {
	key, value int
	reply      chan bool
}

// stateful is Go by Example's stateful goroutine: a map that one goroutine owns, 100 readers and 10 writers.
func stateful(n int) sample {
	const readers, writers, keys = 100, 10, 5
	reads, writes, served := make(chan readOp), make(chan writeOp), make(chan int, 1)
	go func() { served <- own(reads, writes) }()
	each := (n + readers + writers - 1) / (readers + writers)
	s := together(readers+writers, each, func(client int) {
		for i := range each {
			if client < readers {
				r := readOp{i % keys, make(chan int)}
				reads <- r
				<-r.reply
			} else {
				w := writeOp{i % keys, i, make(chan bool)}
				writes <- w
				check(<-w.reply)
			}
		}
	})
	close(reads)
	check(<-served == each*(readers+writers))
	return s
}

// own answers until no reader is left, and returns how many it has answered.
func own(reads chan readOp, writes chan writeOp) int {
	state := make(map[int]int)
	for served := 0; ; served++ {
		select {
		case r, ok := <-reads:
			if !ok {
				return served
			}
			r.reply <- state[r.key]
		case w := <-writes:
			state[w.key] = w.value
			w.reply <- true
		}
	}
}

// entry is one remembered result: whoever wants it waits until ready is closed.
type entry struct {
	ready chan struct{}
	value uint64
}

type answer struct {
	key   int
	value uint64
}

type question struct {
	key   int
	reply chan<- answer
}

// memo is the memo server of The Go Programming Language, section 9.7: its second version, in which
// one goroutine owns the cache.
func memo(n int) sample {
	const keys = 1000
	questions, remembered := make(chan question), make(chan int, 1)
	go func() { remembered <- remember(questions) }()
	each := (n + clients - 1) / clients
	s := together(clients, each, func(client int) {
		for i := range each {
			key := (client*31 + i) % keys
			reply := make(chan answer)
			questions <- question{key, reply}
			check((<-reply).key == key)
		}
	})
	close(questions)
	count := <-remembered
	check(1 <= count && count <= keys)
	return s
}

// remember answers until no client is left, and returns how many keys it remembers then.
func remember(questions chan question) int {
	cache := make(map[int]*entry)
	for q := range questions {
		e := cache[q.key]
		if e == nil {
			e = &entry{ready: make(chan struct{})}
			cache[q.key] = e
			go e.compute(q.key)
		}
		go e.deliver(q)
	}
	return len(cache)
}

func (e *entry) compute(key int) {
	e.value = arithmetic(uint64(key), smallWork)
	close(e.ready)
}

func (e *entry) deliver(q question) {
	<-e.ready
	q.reply <- answer{q.key, e.value}
}

type balancerRequest struct {
	seed  uint64
	reply chan uint64
}

// balancer is Rob Pike's load balancer: 100 requesters, 10 workers, and one goroutine that gives
// each request to the worker with the fewest of them.
func balancer(n int) sample {
	work, completed := make(chan balancerRequest), make(chan int, 1)
	go func() { completed <- balance(work) }()
	each := (n + clients - 1) / clients
	s := together(clients, each, func(int) {
		reply := make(chan uint64)
		for seed := range each {
			work <- balancerRequest{uint64(seed), reply}
			<-reply
		}
	})
	close(work)
	check(<-completed == each*clients)
	return s
}

// balance starts the workers and hands requests out to them until no requester is left; it returns
// how many were completed.
func balance(work chan balancerRequest) int {
	const workers = 10
	done := make(chan int, workers)
	p := newPool(workers, done)
	pending, completed := 0, 0
	for work != nil || pending > 0 {
		select {
		case r, ok := <-work:
			if !ok {
				work = nil
				break
			}
			p.dispatch(r)
			pending++
		case id := <-done:
			p.completed(id)
			pending--
			completed++
		}
	}
	for _, requests := range p.requests {
		close(requests)
	}
	return completed
}

// startWorker starts one that ends when its channel is closed. The channel has room for a request of
// each requester, so the balancer never waits for it.
func startWorker(id int, done chan<- int) chan balancerRequest {
	requests := make(chan balancerRequest, clients)
	go func() {
		for r := range requests {
			r.reply <- arithmetic(r.seed, smallWork)
			done <- id
		}
	}()
	return requests
}

// workerPool is a heap of workers: the one with the fewest pending requests is at its top. It is
// written out, as in gort's program, so that container/heap's calls through an interface are no part
// of the difference.
type workerPool struct {
	requests []chan balancerRequest // by worker: where its requests go to
	pending  []int                  // by worker: how many of its requests are not completed
	place    []int                  // by worker: where in the heap it is
	heap     []int                  // the workers, in the heap's order
}

func newPool(workers int, done chan<- int) *workerPool {
	p := &workerPool{pending: make([]int, workers)}
	for id := range workers {
		p.requests = append(p.requests, startWorker(id, done))
		p.place, p.heap = append(p.place, id), append(p.heap, id)
	}
	return p
}

func (p *workerPool) dispatch(r balancerRequest) {
	id := p.heap[0]
	p.requests[id] <- r
	p.pending[id]++
	p.sink(0)
}

func (p *workerPool) completed(id int) {
	p.pending[id]--
	p.rise(p.place[id])
}

func (p *workerPool) load(at int) int { return p.pending[p.heap[at]] }

func (p *workerPool) rise(at int) {
	for at > 0 && p.load(at) < p.load((at-1)/2) {
		p.swap(at, (at-1)/2)
		at = (at - 1) / 2
	}
}

func (p *workerPool) sink(at int) {
	for 2*at+1 < len(p.heap) {
		child := 2*at + 1
		if child+1 < len(p.heap) && p.load(child+1) < p.load(child) {
			child++
		}
		if p.load(child) >= p.load(at) {
			return
		}
		p.swap(at, child)
		at = child
	}
}

func (p *workerPool) swap(a, b int) {
	p.heap[a], p.heap[b] = p.heap[b], p.heap[a]
	p.place[p.heap[a]], p.place[p.heap[b]] = a, b
}

// together runs one goroutine for each client, which does its share, and times all of them.
func together(goroutines, each int, client func(id int)) sample {
	start := time.Now()
	var wg sync.WaitGroup
	for id := range goroutines {
		wg.Go(func() { client(id) })
	}
	wg.Wait()
	return timed(each*goroutines, time.Since(start))
}
