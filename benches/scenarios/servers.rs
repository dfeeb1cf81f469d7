//! Scenarios of requests and replies: programs known from Go in which one goroutine owns what many
//! others ask for.
//!
//! Every request carries the channel on which its sender waits for the reply.

use crate::{report::Sample, work::arithmetic};
use gort::sync::{
    WaitGroup,
    channel::{Receiver, Sender, bounded, never, select},
};
use std::{
    collections::HashMap,
    hint::black_box,
    sync::{Arc, OnceLock},
    time::Instant,
};

/// How many goroutines ask in `reqrep`, `memo` and `balancer`.
const CLIENTS: usize = 100;

/// Steps of arithmetic that take about 200 ns.
const SMALL_WORK: u32 = 100;

/// One server, 100 clients, a new unbuffered channel for each reply.
pub(crate) fn reqrep(n: usize) -> Sample {
    let (requests, server_end) = bounded::<(usize, Sender<usize>)>(0);
    let server = gort::spawn(move || {
        let mut served = 0;
        for (x, reply) in &server_end {
            reply.send(x + 1).expect("the client waits");
            served += 1;
        }
        served
    });
    let each = n.div_ceil(CLIENTS);
    let start = Instant::now();
    let clients = WaitGroup::new();
    for _ in 0..CLIENTS {
        let requests = requests.clone();
        clients.go(move || {
            for i in 0..each {
                let answer = ask(&requests, |reply| (i, reply));
                assert_eq!(answer, i + 1);
            }
        });
    }
    clients.wait();
    let sample = Sample::timed(each * CLIENTS, start.elapsed());
    drop(requests);
    assert_eq!(server.join().expect("it cannot panic"), each * CLIENTS);
    sample
}

/// Sends one request with a new unbuffered channel for its reply, and waits for that.
fn ask<R, T>(server: &Sender<R>, request: impl FnOnce(Sender<T>) -> R) -> T {
    let (reply, answer) = bounded(0);
    assert!(
        server.send(request(reply)).is_ok(),
        "the server outlives its clients"
    );
    answer.recv().expect("the server replies")
}

struct Read {
    key: usize,
    reply: Sender<usize>,
}

struct Write {
    key: usize,
    value: usize,
    reply: Sender<bool>,
}

/// Go by Example's stateful goroutine: a map that one goroutine owns, 100 readers and 10 writers.
pub(crate) fn stateful(n: usize) -> Sample {
    const READERS: usize = 100;
    const WRITERS: usize = 10;
    const KEYS: usize = 5;
    let (reads, reads_end) = bounded(0);
    let (writes, writes_end) = bounded(0);
    let owner = gort::spawn(move || own(&reads_end, &writes_end));
    let each = n.div_ceil(READERS + WRITERS);
    let start = Instant::now();
    let clients = WaitGroup::new();
    for _ in 0..READERS {
        let reads = reads.clone();
        clients.go(move || {
            for i in 0..each {
                let key = i % KEYS;
                black_box(ask(&reads, |reply| Read { key, reply }));
            }
        });
    }
    for _ in 0..WRITERS {
        let writes = writes.clone();
        clients.go(move || {
            for value in 0..each {
                let key = value % KEYS;
                assert!(ask(&writes, |reply| Write { key, value, reply }));
            }
        });
    }
    clients.wait();
    let sample = Sample::timed(each * (READERS + WRITERS), start.elapsed());
    drop(reads);
    let served = owner.join().expect("it cannot panic");
    assert_eq!(served, each * (READERS + WRITERS));
    sample
}

/// Answers until no reader is left; how many it has answered.
fn own(reads: &Receiver<Read>, writes: &Receiver<Write>) -> usize {
    let mut state = HashMap::new();
    let mut served = 0;
    loop {
        select! {
            recv(reads) -> read => match read {
                Ok(read) => {
                    let value = state.get(&read.key).copied().unwrap_or(0);
                    read.reply.send(value).expect("the reader waits");
                }
                Err(_) => return served,
            },
            recv(writes) -> write => {
                let write: Write = write.expect("the readers' channel is dropped first");
                state.insert(write.key, write.value);
                write.reply.send(true).expect("the writer waits");
            }
        }
        served += 1;
    }
}

/// One remembered result: whoever wants it waits until `ready` is closed.
struct Entry {
    ready: Receiver<()>,
    value: OnceLock<u64>,
}

/// What a client of `memo` asks for, and what it gets: the key again, and its value.
type Question = (usize, Sender<(usize, u64)>);

/// The memo server of The Go Programming Language, section 9.7: its second version, in which one
/// goroutine owns the cache.
pub(crate) fn memo(n: usize) -> Sample {
    const KEYS: usize = 1000;
    let (questions, server_end) = bounded(0);
    let server = gort::spawn(move || remember(&server_end));
    let each = n.div_ceil(CLIENTS);
    let start = Instant::now();
    let clients = WaitGroup::new();
    for client in 0..CLIENTS {
        let questions = questions.clone();
        clients.go(move || {
            for i in 0..each {
                let key = (client * 31 + i) % KEYS;
                let (of, value) = ask(&questions, |reply| (key, reply));
                assert_eq!(of, key);
                black_box(value);
            }
        });
    }
    clients.wait();
    let sample = Sample::timed(each * CLIENTS, start.elapsed());
    drop(questions);
    let keys = server.join().expect("it cannot panic");
    assert!((1..=KEYS).contains(&keys));
    sample
}

/// Answers until no client is left; how many keys it remembers then.
fn remember(questions: &Receiver<Question>) -> usize {
    let mut cache = HashMap::<usize, Arc<Entry>>::new();
    for (key, reply) in questions {
        let entry = cache.entry(key).or_insert_with(|| compute(key));
        let entry = Arc::clone(entry);
        gort::spawn(move || {
            assert!(entry.ready.recv().is_err(), "nothing is ever sent");
            let value = entry.value.get().expect("it is set before the closing");
            reply.send((key, *value)).expect("the client waits");
        });
    }
    cache.len()
}

/// A new entry, and a goroutine that computes its value.
fn compute(key: usize) -> Arc<Entry> {
    let (computing, ready) = bounded(0);
    let value = OnceLock::new();
    let entry = Arc::new(Entry { ready, value });
    let made = Arc::clone(&entry);
    gort::spawn(move || {
        let first = made.value.set(arithmetic(key as u64, SMALL_WORK)).is_ok();
        assert!(first, "each key is computed once");
        drop(computing);
    });
    entry
}

/// What a requester sends to the balancer.
struct Request {
    seed: u64,
    reply: Sender<u64>,
}

/// Rob Pike's load balancer: 100 requesters, 10 workers, and one goroutine that gives each request
/// to the worker with the fewest of them.
pub(crate) fn balancer(n: usize) -> Sample {
    let (work, balancer_end) = bounded(0);
    let balancer = gort::spawn(move || balance(balancer_end));
    let each = n.div_ceil(CLIENTS);
    let start = Instant::now();
    let requesters = WaitGroup::new();
    for _ in 0..CLIENTS {
        let work = work.clone();
        requesters.go(move || {
            let (reply, answer) = bounded(0);
            for seed in 0..each as u64 {
                let reply = reply.clone();
                assert!(work.send(Request { seed, reply }).is_ok());
                black_box(answer.recv().expect("a worker replies"));
            }
        });
    }
    requesters.wait();
    let sample = Sample::timed(each * CLIENTS, start.elapsed());
    drop(work);
    let completed = balancer.join().expect("it cannot panic");
    assert_eq!(completed, each * CLIENTS);
    sample
}

/// Starts the workers and hands requests out to them until no requester is left; how many were
/// completed.
fn balance(mut work: Receiver<Request>) -> usize {
    const WORKERS: usize = 10;
    let (done, dones) = bounded(WORKERS);
    let mut pool = Pool::new(
        (0..WORKERS)
            .map(|id| start_worker(id, done.clone()))
            .collect(),
    );
    let (mut open, mut pending, mut completed) = (true, 0, 0);
    while open || pending > 0 {
        select! {
            recv(work) -> request => match request {
                Ok(request) => {
                    pool.dispatch(request);
                    pending += 1;
                }
                Err(_) => {
                    work = never();
                    open = false;
                }
            },
            recv(dones) -> id => {
                pool.completed(id.expect("we hold a sender too"));
                pending -= 1;
                completed += 1;
            }
        }
    }
    completed
}

/// A worker, which ends when its channel is closed. The channel has room for a request of each
/// requester, so the balancer never waits for it.
fn start_worker(id: usize, done: Sender<usize>) -> Sender<Request> {
    let (requests, own_end) = bounded::<Request>(CLIENTS);
    gort::spawn(move || {
        for request in &own_end {
            let value = arithmetic(request.seed, SMALL_WORK);
            request.reply.send(value).expect("the requester waits");
            done.send(id).expect("the balancer counts what is pending");
        }
    });
    requests
}

/// A heap of workers: the one with the fewest pending requests is at its top.
struct Pool {
    /// By worker: where its requests go to.
    requests: Vec<Sender<Request>>,
    /// By worker: how many of its requests are not completed.
    pending: Vec<usize>,
    /// By worker: where in the heap it is.
    place: Vec<usize>,
    /// The workers, in the heap's order.
    heap: Vec<usize>,
}

impl Pool {
    fn new(requests: Vec<Sender<Request>>) -> Self {
        let count = requests.len();
        Self {
            requests,
            pending: vec![0; count],
            place: (0..count).collect(),
            heap: (0..count).collect(),
        }
    }

    fn dispatch(&mut self, request: Request) {
        let id = self.heap[0];
        assert!(self.requests[id].send(request).is_ok());
        self.pending[id] += 1;
        self.sink(0);
    }

    fn completed(&mut self, id: usize) {
        self.pending[id] -= 1;
        self.rise(self.place[id]);
    }

    fn load(&self, at: usize) -> usize {
        self.pending[self.heap[at]]
    }

    fn rise(&mut self, mut at: usize) {
        while at > 0 && self.load(at) < self.load((at - 1) / 2) {
            self.swap(at, (at - 1) / 2);
            at = (at - 1) / 2;
        }
    }

    fn sink(&mut self, mut at: usize) {
        while 2 * at + 1 < self.heap.len() {
            let mut child = 2 * at + 1;
            if child + 1 < self.heap.len() && self.load(child + 1) < self.load(child) {
                child += 1;
            }
            if self.load(child) >= self.load(at) {
                return;
            }
            self.swap(at, child);
            at = child;
        }
    }

    fn swap(&mut self, a: usize, b: usize) {
        self.heap.swap(a, b);
        self.place[self.heap[a]] = a;
        self.place[self.heap[b]] = b;
    }
}
