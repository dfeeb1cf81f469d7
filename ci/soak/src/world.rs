//! What the goroutines of one random program share, and what must hold of it at the end.

use crate::dice::{Dice, mix};
use gort::sync::{
    Mutex, RwMutex, Semaphore, WaitGroup,
    channel::{Receiver, Sender, bounded, unbounded},
};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst};

/// Messages that went one way: how many, and the sum of what they scatter to.
#[derive(Debug, Default)]
struct Tally {
    count: AtomicU64,
    sum: AtomicU64,
}

impl Tally {
    fn add(&self, message: u64) {
        self.count.fetch_add(1, SeqCst);
        self.sum.fetch_add(mix(message), SeqCst);
    }

    fn get(&self) -> (u64, u64) {
        (self.count.load(SeqCst), self.sum.load(SeqCst))
    }
}

/// A channel, and what went through it.
#[derive(Debug)]
pub(crate) struct Pipe {
    pub(crate) tx: Sender<u64>,
    pub(crate) rx: Receiver<u64>,
    sent: Tally,
    received: Tally,
}

impl Pipe {
    fn new(capacity: Option<usize>) -> Self {
        let (tx, rx) = capacity.map_or_else(unbounded, bounded);
        Self {
            tx,
            rx,
            sent: Tally::default(),
            received: Tally::default(),
        }
    }

    pub(crate) fn count_sent(&self, message: u64) {
        self.sent.add(message);
    }

    pub(crate) fn count_received(&self, message: u64) {
        self.received.add(message);
    }
}

/// All that is shared.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) pipes: Vec<Pipe>,
    pub(crate) counter: Mutex<u64>,
    pub(crate) counted: AtomicU64,
    pub(crate) pair: RwMutex<(u64, u64)>,
    pub(crate) permits: Semaphore,
    pub(crate) most_inside: usize,
    pub(crate) inside: AtomicUsize,
    /// Goroutines that have not ended.
    pub(crate) all: WaitGroup,
    next_message: AtomicU64,
}

impl World {
    pub(crate) fn new(dice: &mut Dice) -> Self {
        const CAPACITIES: &[Option<usize>] = &[Some(0), Some(0), Some(1), Some(7), None];
        let most_inside = 1 + dice.below(3) as usize;
        let pipes = 1 + dice.below(4);
        let pipes = (0..pipes).map(|_| Pipe::new(dice.one_of(CAPACITIES)));
        Self {
            pipes: pipes.collect(),
            counter: Mutex::new(0),
            counted: AtomicU64::new(0),
            pair: RwMutex::new((0, 0)),
            permits: Semaphore::new(most_inside),
            most_inside,
            inside: AtomicUsize::new(0),
            all: WaitGroup::new(),
            next_message: AtomicU64::new(1),
        }
    }

    /// A message that no other is equal to.
    pub(crate) fn message(&self) -> u64 {
        self.next_message.fetch_add(1, SeqCst)
    }

    /// What does not hold, once all goroutines have ended.
    pub(crate) fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        for (i, pipe) in self.pipes.iter().enumerate() {
            while let Ok(message) = pipe.rx.try_recv() {
                pipe.count_received(message);
            }
            let (sent, received) = (pipe.sent.get(), pipe.received.get());
            if sent != received {
                let capacity = pipe.tx.capacity();
                faults.push(format!(
                    "channel {i} of capacity {capacity:?}: {} sent, {} received, sums {:#x} and {:#x}",
                    sent.0, received.0, sent.1, received.1
                ));
            }
        }
        let (count, counted) = (*self.counter.lock(), self.counted.load(SeqCst));
        if count != counted {
            faults.push(format!(
                "{counted} counted under the mutex, {count} are there"
            ));
        }
        let pair = *self.pair.read();
        if pair.0 != pair.1 {
            faults.push(format!("the pair is {pair:?}"));
        }
        let permits = self.permits.available_permits();
        if permits != self.most_inside {
            faults.push(format!(
                "{permits} permits of {} are left",
                self.most_inside
            ));
        }
        faults
    }
}
