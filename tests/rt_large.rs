//! Closures that are larger than stacks, and what becomes of their memory.

mod support;

use gort::{Builder, runtime, spawn, spawn_local, yield_now};
use std::{
    alloc::{GlobalAlloc, Layout, System},
    hint::black_box,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
    thread,
};

/// Counts the bytes of blocks of the sizes that this file is about.
struct Counting;

static LIVE: AtomicUsize = AtomicUsize::new(0);

/// Sizes that hardly anything else has.
const SIZES: std::ops::Range<usize> = 20_000..21_000;

// SAFETY: the system's allocator does it all.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if SIZES.contains(&layout.size()) {
            LIVE.fetch_add(1, Relaxed);
        }
        // SAFETY: passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        if SIZES.contains(&layout.size()) {
            LIVE.fetch_sub(1, Relaxed);
        }
        // SAFETY: passed on.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Larger than any stack that these goroutines have.
const LARGE: usize = 3 << 20;

fn sum(bytes: &[u8]) -> u64 {
    bytes.iter().map(|&byte| u64::from(byte)).sum()
}

/// From a thread with room for it: the goroutine need not have that.
#[test]
fn a_closure_may_be_larger_than_its_goroutines_stack() {
    let thread = thread::Builder::new().stack_size(64 << 20);
    let body = || {
        support::beside(support::WORKERS, |runtime| {
            let large = black_box([1_u8; LARGE]);
            let handle = runtime.spawn(move || sum(&large));
            assert_eq!(handle.join().unwrap(), LARGE as u64);
            assert_eq!(runtime.run(move || sum(&large)), LARGE as u64);
            let handle = Builder::new().stack_size(64 << 10).spawn(move || {
                yield_now();
                sum(&large)
            });
            assert_eq!(handle.unwrap().join().unwrap(), LARGE as u64);
            let sums = gort::scope(|s| {
                let handle = s.spawn(move || sum(&large));
                handle.join().unwrap()
            });
            assert_eq!(sums, LARGE as u64);
        });
    };
    thread.spawn(body).unwrap().join().unwrap();
}

/// A goroutine on a big stack starts some that have small ones.
#[test]
fn goroutines_start_such_goroutines() {
    support::each(|_| {
        runtime::on_big_stack(64 << 20, || {
            let large = black_box([1_u8; LARGE]);
            assert_eq!(spawn(move || sum(&large)).join().unwrap(), LARGE as u64);
            let local = spawn_local(move || sum(&large));
            assert_eq!(local.join().unwrap(), LARGE as u64);
        });
    });
}

/// The memory of large closures and of large outputs is given back, however the goroutine ends.
#[test]
fn what_does_not_fit_a_cell_is_freed() {
    support::silence();
    const BYTES: usize = 20_480;
    support::each(|_| {
        for round in 0..50 {
            let large = black_box([1_u8; BYTES]);
            let captured = spawn(move || sum(&large));
            let returned = spawn(|| black_box([1_u8; BYTES]));
            let panics = spawn(move || {
                assert!(sum(&large) == 0, "deliberate");
                large
            });
            let exits = spawn(move || {
                if sum(&large) > 0 {
                    runtime::goexit();
                }
                large
            });
            if round % 2 == 0 {
                drop((captured, returned, panics, exits));
                continue;
            }
            assert_eq!(captured.join().unwrap(), BYTES as u64);
            assert_eq!(sum(&returned.join().unwrap()), BYTES as u64);
            assert!(panics.join().is_err() && exits.join().is_err());
        }
    });
    let gone = support::within(std::time::Duration::from_secs(20), || {
        LIVE.load(Relaxed) == 0
    });
    assert!(gone, "{} blocks are left", LIVE.load(Relaxed));
}
