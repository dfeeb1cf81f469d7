//! What goroutines take from the allocator comes back to it: all of this program's allocations are
//! counted.

mod support;

use gort::runtime::Runtime;
use std::{
    alloc::{GlobalAlloc, Layout, System},
    hint::black_box,
    sync::atomic::{AtomicIsize, Ordering::Relaxed},
};

/// The system's allocator, which counts the bytes that are in use.
struct Counting;

/// Of all tests: so they run one by one, see `support::alone`.
static IN_USE: AtomicIsize = AtomicIsize::new(0);

// SAFETY: passes everything on.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        IN_USE.fetch_add(layout.size() as isize, Relaxed);
        // SAFETY: passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        IN_USE.fetch_sub(layout.size() as isize, Relaxed);
        // SAFETY: passed on.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const ROUNDS: usize = 200;

/// By how many bytes more are in use after 200 calls than after a few.
fn growth(f: &dyn Fn()) -> isize {
    (0..20).for_each(|_| f());
    let before = IN_USE.load(Relaxed);
    (0..ROUNDS).for_each(|_| f());
    IN_USE.load(Relaxed) - before
}

/// However the goroutine ends: with its handle joined or dropped, in a scope, by a panic.
fn give_their_memory_back<const BYTES: usize>(runtime: &Runtime) {
    let joined = || {
        let captured = [1_u8; BYTES];
        let child = gort::spawn(move || black_box(captured)[7]);
        assert_eq!(child.join().unwrap(), 1);
    };
    let dropped = || {
        let captured = [1_u8; BYTES];
        drop(gort::spawn(move || black_box(captured)[7]));
        let is_gone = || runtime.num_goroutines() <= 1;
        assert!(support::within_yielding(support::PATIENCE, is_gone));
    };
    let scoped = || {
        let captured = [1_u8; BYTES];
        gort::scope(|s| drop(s.spawn(move || black_box(captured)[7])));
    };
    let panics = || {
        let captured = [1_u8; BYTES];
        let child = gort::spawn(move || {
            black_box(captured);
            panic!("{}", support::DELIBERATE);
        });
        assert!(child.join().is_err());
    };
    for (way, f) in [&joined as &dyn Fn(), &dropped, &scoped, &panics]
        .into_iter()
        .enumerate()
    {
        assert_no_growth(BYTES, &format!("way {way}"), f);
    }
}

/// What the runtime keeps at hand is less than what a quarter of the goroutines need.
#[track_caller]
fn assert_no_growth(bytes_each: usize, what: &str, f: &dyn Fn()) {
    let growth = growth(f);
    let most = ROUNDS * bytes_each / 4;
    assert!(growth < most as isize, "{what}: {growth} bytes");
}

#[test]
fn captures_of_every_size_give_their_memory_back() {
    let _alone = support::alone();
    support::silence();
    support::each(|runtime| {
        give_their_memory_back::<2048>(runtime);
        give_their_memory_back::<{ 64 << 10 }>(runtime);
    });
}

/// An output that does not fit beside the goroutine's own data, whoever takes it.
#[test]
fn large_outputs_give_their_memory_back() {
    const BYTES: usize = 2048;
    let _alone = support::alone();
    support::each(|runtime| {
        assert_no_growth(BYTES, "joined", &|| {
            let child = gort::spawn(|| black_box([1_u8; BYTES]));
            assert_eq!(child.join().unwrap()[7], 1);
        });
        assert_no_growth(BYTES, "dropped", &|| {
            drop(gort::spawn(|| black_box([1_u8; BYTES])));
            let is_gone = || runtime.num_goroutines() <= 1;
            assert!(support::within_yielding(support::PATIENCE, is_gone));
        });
        assert_no_growth(BYTES, "awaited", &|| {
            let child = gort::spawn(|| black_box([1_u8; BYTES]));
            let output = gort::runtime::block_on(async { child.await });
            assert_eq!(output.unwrap()[7], 1);
        });
    });
}
