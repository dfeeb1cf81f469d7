//! The context switch against bare corosensei, in one run and in turns.
//!
//! ```text
//! cargo bench --bench switch [-- --json] [-- --rounds N]
//! ```
//!
//! * `pair`: enter and leave, one coroutine, both calls inlined: the shortest possible round trip;
//! * `run_to_end`: create on a used stack, enter, return from the entry, which catches unwinding as
//!   a root must;
//! * `park_deep`: 64 coroutines in turn, each of which leaves four calls deep and returns from them
//!   when entered again, as a goroutine that parks does. Here return prediction shows.
//!
//! Each round measures every scenario of both sides once; medians and minima are over the rounds.
//! The ratio is that of the medians: below 1, ours is faster.

use corosensei::{
    Coroutine, Yielder,
    stack::{Stack, StackPointer},
};
use gort::bench_support::{SWITCH, SwitchContext};
use std::{hint::black_box, panic, time::Instant};

const STACK: usize = 64 << 10;
const MANY: usize = 64;

/// A stack on the heap that either side runs on.
struct HeapStack(Box<[u128]>);

impl HeapStack {
    fn new() -> HeapStack {
        HeapStack(vec![0; STACK / 16].into_boxed_slice())
    }

    fn bounds(&self) -> (usize, usize) {
        let range = self.0.as_ptr_range();
        (range.start as usize, range.end as usize)
    }
}

// SAFETY: writable and aligned to 16; there is no guard, but what runs on it here uses a few
// hundred bytes.
unsafe impl Stack for HeapStack {
    fn base(&self) -> StackPointer {
        StackPointer::new(self.bounds().1).unwrap()
    }

    fn limit(&self) -> StackPointer {
        StackPointer::new(self.bounds().0).unwrap()
    }
}

/// Nanoseconds for one of `count` calls.
fn time(count: u64, mut call: impl FnMut()) -> f64 {
    let start = Instant::now();
    for _ in 0..count {
        call();
    }
    start.elapsed().as_nanos() as f64 / count as f64
}

/// Four calls that are neither inlined nor turned into jumps, then `leave`.
fn descend(leave: &impl Fn()) -> u64 {
    #[inline(never)]
    fn one(leave: &impl Fn()) -> u64 {
        black_box(two(leave)) + 1
    }
    #[inline(never)]
    fn two(leave: &impl Fn()) -> u64 {
        black_box(three(leave)) + 1
    }
    #[inline(never)]
    fn three(leave: &impl Fn()) -> u64 {
        black_box(four(leave)) + 1
    }
    #[inline(never)]
    fn four(leave: &impl Fn()) -> u64 {
        leave();
        black_box(1)
    }
    one(leave)
}

mod ours {
    use super::*;

    /// Boxed, so that it stays in place; what is still suspended at the end is forgotten together
    /// with its stack.
    struct Running {
        context: *mut SwitchContext,
        _stack: HeapStack,
    }

    fn start(entry: unsafe extern "C" fn(*mut ())) -> Running {
        let context = Box::into_raw(Box::new(SwitchContext::vacant()));
        let stack = HeapStack::new();
        // SAFETY: the context is leaked, and the stack is kept with it.
        unsafe { SwitchContext::create(context, stack.bounds(), entry, context.cast()) };
        Running {
            context,
            _stack: stack,
        }
    }

    unsafe extern "C" fn leave_for_ever(arg: *mut ()) {
        loop {
            // SAFETY: inside, and the argument is our own context.
            unsafe { SwitchContext::leave(arg.cast()) };
        }
    }

    unsafe extern "C" fn park_for_ever(arg: *mut ()) {
        loop {
            // SAFETY: as above.
            descend(&|| unsafe { SwitchContext::leave(arg.cast()) });
        }
    }

    unsafe extern "C" fn catch(arg: *mut ()) {
        // SAFETY: the argument is a counter that the enterer does not touch meanwhile.
        let body = || unsafe { *arg.cast::<u64>() += black_box(1) };
        assert!(panic::catch_unwind(body).is_ok());
    }

    pub(crate) fn pair(count: u64) -> f64 {
        let coroutine = start(leave_for_ever);
        // SAFETY: it never finishes.
        time(count, || unsafe { SwitchContext::enter(coroutine.context) })
    }

    pub(crate) fn park_deep(count: u64) -> f64 {
        let all: Vec<Running> = (0..MANY).map(|_| start(park_for_ever)).collect();
        let round = || {
            for coroutine in &all {
                // SAFETY: it never finishes.
                unsafe { SwitchContext::enter(coroutine.context) };
            }
        };
        time(count / MANY as u64, round) / MANY as f64
    }

    pub(crate) fn run_to_end(count: u64) -> f64 {
        let stack = HeapStack::new();
        let mut context = SwitchContext::vacant();
        let mut runs = 0_u64;
        // SAFETY: the last coroutine has finished; context, stack and counter outlive each.
        let result = time(count, || unsafe {
            let context = &raw mut context;
            SwitchContext::create(context, stack.bounds(), catch, (&raw mut runs).cast());
            SwitchContext::enter(context);
        });
        assert_eq!(runs, count);
        result
    }
}

mod theirs {
    use super::*;

    type Running = Coroutine<(), (), (), HeapStack>;

    fn start(body: impl FnOnce(&Yielder<(), ()>) + 'static) -> Running {
        Coroutine::with_stack(HeapStack::new(), move |yielder, ()| body(yielder))
    }

    /// Ends a coroutine that owns nothing, without unwinding it.
    fn forget(mut coroutine: Running) {
        // SAFETY: nothing on its stack needs to be dropped.
        unsafe { coroutine.force_reset() };
    }

    pub(crate) fn pair(count: u64) -> f64 {
        let mut coroutine = start(|yielder| {
            loop {
                yielder.suspend(());
            }
        });
        let result = time(count, || {
            coroutine.resume(());
        });
        forget(coroutine);
        result
    }

    pub(crate) fn park_deep(count: u64) -> f64 {
        let body = |yielder: &Yielder<(), ()>| loop {
            descend(&|| yielder.suspend(()));
        };
        let mut all: Vec<Running> = (0..MANY).map(|_| start(body)).collect();
        let round = || {
            for coroutine in &mut all {
                coroutine.resume(());
            }
        };
        let result = time(count / MANY as u64, round) / MANY as f64;
        all.into_iter().for_each(forget);
        result
    }

    pub(crate) fn run_to_end(count: u64) -> f64 {
        let mut stack = HeapStack::new();
        let mut runs = 0_u64;
        let counter = &raw mut runs;
        let result = time(count, || {
            // SAFETY: the counter is not touched elsewhere while the coroutine runs, and it ends
            // here.
            let body = move |_: &Yielder<(), ()>, ()| unsafe { *counter += black_box(1) };
            // SAFETY: it runs to its end before its borrows do.
            let mut coroutine: Coroutine<(), (), (), &mut HeapStack> =
                unsafe { Coroutine::with_stack_unchecked(&mut stack, body) };
            coroutine.resume(());
        });
        assert_eq!(runs, count);
        result
    }
}

/// One scenario, and what the rounds have measured.
struct Scenario {
    name: &'static str,
    count: u64,
    ours: fn(u64) -> f64,
    theirs: fn(u64) -> f64,
    samples: [Vec<f64>; 2],
}

impl Scenario {
    fn new(name: &'static str, count: u64, ours: fn(u64) -> f64, theirs: fn(u64) -> f64) -> Self {
        Scenario {
            name,
            count,
            ours,
            theirs,
            samples: [Vec::new(), Vec::new()],
        }
    }

    fn measure(&mut self, round: usize) {
        // Who goes first alternates.
        for side in [round % 2, 1 - round % 2] {
            let run = if side == 0 { self.ours } else { self.theirs };
            self.samples[side].push(run(self.count));
        }
    }

    /// Median and minimum of each side, sorted along the way.
    fn summary(&mut self) -> [(f64, f64); 2] {
        self.samples.each_mut().map(|samples| {
            samples.sort_by(f64::total_cmp);
            (samples[samples.len() / 2], samples[0])
        })
    }

    fn print(&mut self, json: bool) {
        let name = self.name;
        let [(our_median, our_min), (their_median, their_min)] = self.summary();
        let ratio = our_median / their_median;
        if json {
            println!(
                "{{\"bench\":\"switch\",\"scenario\":\"{name}\",\"backend\":\"{SWITCH}\",\
                 \"ours_median_ns\":{our_median:.3},\"ours_min_ns\":{our_min:.3},\
                 \"corosensei_median_ns\":{their_median:.3},\"corosensei_min_ns\":{their_min:.3},\
                 \"ratio\":{ratio:.3}}}"
            );
        } else {
            println!(
                "{name:<12} {our_median:>8.2} {our_min:>8.2}   {their_median:>8.2} {their_min:>8.2}   {ratio:>6.2}"
            );
        }
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let json = arguments.iter().any(|a| a == "--json");
    let rounds = match arguments.iter().position(|a| a == "--rounds") {
        Some(at) => arguments
            .get(at + 1)
            .and_then(|n| n.parse().ok())
            .expect("--rounds N"),
        None => 15,
    };
    let mut scenarios = [
        Scenario::new("pair", 2_000_000, ours::pair, theirs::pair),
        Scenario::new(
            "run_to_end",
            1_000_000,
            ours::run_to_end,
            theirs::run_to_end,
        ),
        Scenario::new("park_deep", 1_000_000, ours::park_deep, theirs::park_deep),
    ];
    for round in 0..rounds {
        scenarios
            .iter_mut()
            .for_each(|scenario| scenario.measure(round));
    }
    if !json {
        println!("context switch ({SWITCH}) against corosensei, ns each, {rounds} rounds");
        println!(
            "{:<12} {:>17}   {:>17}   {:>6}",
            "", "ours: median  min", "theirs:      min", "ratio"
        );
    }
    scenarios
        .iter_mut()
        .for_each(|scenario| scenario.print(json));
}
