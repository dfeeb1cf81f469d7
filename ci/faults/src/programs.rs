//! The programs that are run while a system function fails: each uses a part of gort and checks
//! what comes of it.

use gort::{
    context, go,
    runtime::{Builder, DeadlockPolicy, blocking, on_big_stack},
    select,
    sync::{WaitGroup, channel},
    time::{Ticker, after_func},
};
use std::{
    cell::{Cell, RefCell},
    error::Error,
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

pub(crate) type Outcome = Result<(), Box<dyn Error>>;

/// A program's name, and what it does.
pub(crate) type Program = (&'static str, fn() -> Outcome);

pub(crate) const ALL: &[Program] = &[
    ("parks", parks),
    ("channels", channels),
    ("blocking", blocking_calls),
    ("timers", timers),
    ("scope", scope),
    ("big_stack", big_stack),
    ("rebuild", rebuild),
    ("local", local),
    ("main", whole_program),
    (OVERFLOW, overflow),
];

/// The program that is to abort, with words.
pub(crate) const OVERFLOW: &str = "overflow";

/// What a program computed must be what it should have.
fn check<T: PartialEq + std::fmt::Debug>(what: &str, is: T, should: T) -> Outcome {
    if is == should {
        Ok(())
    } else {
        Err(format!("WRONG: {what} is {is:?}, not {should:?}").into())
    }
}

/// Runs this as the first goroutine of a runtime. The deadlock detector counts as a wrong result:
/// nothing here waits for ever unless something was lost.
fn with_runtime(body: fn() -> Outcome) -> Outcome {
    let builder = Builder::new().workers(2).deadlock(DeadlockPolicy::Exit);
    // The error's text is all that leaves the goroutine.
    let ended = builder.build()?.run(|| body().map_err(|e| e.to_string()));
    Ok(ended?)
}

/// Ten thousand goroutines that are parked at the same time.
fn parks() -> Outcome {
    with_runtime(|| {
        let gate = WaitGroup::new();
        gate.add(1);
        let mut handles = Vec::new();
        for n in 0..10_000_usize {
            let gate = gate.clone();
            handles.push(go!(move || {
                gate.wait();
                gort::yield_now();
                n
            }));
        }
        gort::yield_now();
        gate.done();
        let mut sum = 0;
        for handle in handles {
            sum += handle.try_join()?;
        }
        check("the sum", sum, 9_999 * 10_000 / 2)
    })
}

/// Messages through channels of several capacities, and a select over all of them.
fn channels() -> Outcome {
    with_runtime(|| {
        let mut receivers = Vec::new();
        for capacity in [0, 1, 64] {
            let (tx, rx) = channel::bounded(capacity);
            receivers.push(rx);
            for _ in 0..8 {
                let tx = tx.clone();
                go!(move || (1..=100_u64).for_each(|n| tx.send(n).expect("somebody receives")));
            }
        }
        let (mut sum, mut open) = (0, 3);
        let [mut a, mut b, mut c] = <[_; 3]>::try_from(receivers).expect("three");
        while open > 0 {
            select! {
                recv(a) -> n => take(n, &mut a, &mut sum, &mut open),
                recv(b) -> n => take(n, &mut b, &mut sum, &mut open),
                recv(c) -> n => take(n, &mut c, &mut sum, &mut open),
            }
        }
        check("the sum", sum, 3 * 8 * 5050)
    })
}

/// Adds a message to the sum; a channel that has ended is left out from then on.
fn take<E>(n: Result<u64, E>, from: &mut channel::Receiver<u64>, sum: &mut u64, open: &mut u32) {
    match n {
        Ok(n) => *sum += n,
        Err(_) => {
            *from = channel::never();
            *open -= 1;
        }
    }
}

/// Calls that block a thread, more at a time than one thread can take.
fn blocking_calls() -> Outcome {
    with_runtime(|| {
        let call = |n| {
            blocking(|| {
                std::thread::sleep(Duration::from_millis(1));
                n
            })
        };
        let handles: Vec<_> = (0..60).map(|n| go!(move || call(n))).collect();
        let mut sum = 0;
        for handle in handles {
            sum += handle.try_join()?;
        }
        check("the sum", sum, 59 * 60 / 2)
    })
}

/// Sleeps, timers, tickers, deadlines.
fn timers() -> Outcome {
    with_runtime(|| {
        let handles: Vec<_> = (0..100)
            .map(|n| go!(move || gort::sleep(Duration::from_millis(n % 10))))
            .collect();
        let (tx, rx) = channel::bounded(1);
        let timer = after_func(Duration::from_millis(5), move || {
            let _ = tx.try_send(());
        });
        rx.recv()?;
        drop(timer);
        let ticker = Ticker::new(Duration::from_millis(2));
        for _ in 0..3 {
            ticker.receiver().recv()?;
        }
        let background = context::background();
        let (ctx, _cancel) = context::with_timeout(&background, Duration::from_millis(5));
        let start = Instant::now();
        let _ = ctx.done().recv();
        check(
            "the deadline is kept",
            start.elapsed() >= Duration::from_millis(4),
            true,
        )?;
        for handle in handles {
            handle.try_join()?;
        }
        Ok(())
    })
}

/// Goroutines that borrow from who starts them.
fn scope() -> Outcome {
    with_runtime(|| {
        let mut numbers: Vec<u64> = (1..=1000).collect();
        gort::scope(|s| {
            for part in numbers.chunks_mut(100) {
                s.spawn(move || {
                    gort::yield_now();
                    part.iter_mut().for_each(|n| *n *= 2);
                });
            }
        });
        check("the sum", numbers.iter().sum(), 1000 * 1001)
    })
}

/// Calls on bigger stacks, in goroutines and on this thread.
fn big_stack() -> Outcome {
    fn depth(n: u64) -> u64 {
        if n == 0 {
            0
        } else {
            1 + std::hint::black_box(depth(n - 1))
        }
    }
    with_runtime(|| {
        for _ in 0..4 {
            let deep = go!(|| on_big_stack(16 << 20, || depth(10_000)));
            check("the depth", deep.try_join()?, 10_000)?;
        }
        Ok(())
    })?;
    check("the depth", on_big_stack(8 << 20, || depth(1000)), 1000)
}

/// Ten runtimes, one after the other, with 1, 2, 3 and 8 workers in turn.
fn rebuild() -> Outcome {
    for workers in [1, 2, 3, 8].into_iter().cycle().take(10) {
        let sum = AtomicUsize::new(0);
        let builder = Builder::new().workers(workers);
        let runtime = builder.deadlock(DeadlockPolicy::Exit).build()?;
        runtime.run(|| {
            gort::scope(|s| {
                for n in 0..100 {
                    let sum = &sum;
                    s.spawn(move || sum.fetch_add(n, Ordering::Relaxed));
                }
            });
        });
        drop(runtime);
        check("the sum", sum.into_inner(), 99 * 100 / 2)?;
    }
    Ok(())
}

/// Goroutines that stay in their home, and what they have for themselves.
fn local() -> Outcome {
    thread_local! {
        static SEEN: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
    }
    with_runtime(|| {
        let (mut handles, before) = (Vec::new(), SEEN.take().len());
        for n in 0..500_usize {
            let shared = std::rc::Rc::new(Cell::new(n));
            let theirs = std::rc::Rc::clone(&shared);
            handles.push((
                shared,
                gort::spawn_local(move || {
                    gort::yield_now();
                    SEEN.with_borrow_mut(|seen| seen.push(theirs.get()));
                    theirs.set(theirs.get() + 1);
                }),
            ));
        }
        for (n, (shared, handle)) in handles.into_iter().enumerate() {
            handle.try_join()?;
            check("the number", shared.get(), n + 1)?;
        }
        check("what was seen", SEEN.take().len() - before, 500)
    })
}

/// What `#[gort::main]` adds: the thread that waits for SIGQUIT.
fn whole_program() -> Outcome {
    #[gort::main]
    fn main() -> std::process::ExitCode {
        let handles: Vec<_> = (0..100).map(|n| go!(move || n)).collect();
        let sum: u32 = handles.into_iter().map(|h| h.join().unwrap_or(0)).sum();
        if sum == 4950 {
            println!("right");
        }
        std::process::ExitCode::from(u8::from(sum != 4950))
    }
    // Its error, if the runtime does not start, is told and is its code.
    let code = main();
    if code == std::process::ExitCode::SUCCESS {
        Ok(())
    } else {
        std::process::exit(1)
    }
}

/// A goroutine that needs more stack than there is.
fn overflow() -> Outcome {
    #[expect(unconditional_recursion, reason = "it is to end the process")]
    fn dig(n: usize) -> usize {
        let frame = [n; 12];
        std::hint::black_box(&frame);
        dig(n + 1) + std::hint::black_box(frame[n % 12])
    }
    with_runtime(|| check("how deep it is", go!(|| dig(0)).try_join()?, 0))
}
