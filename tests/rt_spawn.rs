//! Spawning: closures and outputs of every size and alignment arrive whole and are dropped once, on
//! every path; names, ids, counts.

mod support;

use gort::{
    Builder, JoinHandle, go, runtime::goexit, spawn, spawn_local, sync::WaitGroup, yield_now,
};
use std::{
    cell::{Cell, RefCell},
    collections::HashSet,
    io::ErrorKind,
    panic,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicIsize, Ordering::SeqCst},
    },
    thread,
    time::Duration,
};

/// Something with a size and an alignment that knows how many of it there are.
trait Load: Send + 'static {
    const ALIGN: usize;
    fn new() -> Self;
    fn check(&self);
    fn live() -> isize;
}

macro_rules! loads {
    ($($name:ident: $bytes:literal bytes, aligned to $align:literal;)+) => {$(
        mod $name {
            use super::*;

            static LIVE: AtomicIsize = AtomicIsize::new(0);

            #[repr(align($align))]
            struct Bytes([u8; $bytes]);

            impl Load for Bytes {
                const ALIGN: usize = $align;

                fn new() -> Self {
                    LIVE.fetch_add(1, SeqCst);
                    Self(std::array::from_fn(|i| (i % 251) as u8))
                }

                fn check(&self) {
                    assert_eq!(std::ptr::from_ref(self) as usize & (Self::ALIGN - 1), 0);
                    assert!(self.0.iter().enumerate().all(|(i, byte)| *byte == (i % 251) as u8));
                }

                fn live() -> isize {
                    LIVE.load(SeqCst)
                }
            }

            impl Drop for Bytes {
                fn drop(&mut self) {
                    self.check();
                    LIVE.fetch_sub(1, SeqCst);
                }
            }

            #[test]
            fn arrives_whole_and_is_dropped_once_on_every_path() {
                assert_eq!(size_of::<Bytes>(), $bytes);
                every_path::<Bytes>();
            }
        }
    )+};
}

loads! {
    zero_sized: 0 bytes, aligned to 1;
    one_byte: 1 bytes, aligned to 1;
    bytes_56: 56 bytes, aligned to 1;
    bytes_57: 57 bytes, aligned to 1;
    words_7: 56 bytes, aligned to 8;
    bytes_184: 184 bytes, aligned to 1;
    bytes_185: 185 bytes, aligned to 1;
    words_23: 184 bytes, aligned to 8;
    bytes_4096: 4096 bytes, aligned to 1;
    aligned_16: 32 bytes, aligned to 16;
    aligned_64: 64 bytes, aligned to 64;
    aligned_4096: 4096 bytes, aligned to 4096;
    aligned_zero_sized: 0 bytes, aligned to 64;
}

fn every_path<L: Load>() {
    support::under(&[1, 2, 8], |_| {
        taken_by_join::<L>();
        dropped_by_the_goroutine::<L>();
        detached::<L>();
        lost_to_panic_and_goexit::<L>();
        at_once::<L>();
        assert_eq!(L::live(), 0);
    });
}

/// A goroutine that takes a load in and gives it back.
fn pass<L: Load>() -> JoinHandle<L> {
    let load = L::new();
    spawn(move || {
        load.check();
        load
    })
}

fn taken_by_join<L: Load>() {
    let load = pass::<L>().join().expect("no panic");
    load.check();
    assert_eq!(L::live(), 1);
    drop(load);
    assert_eq!(L::live(), 0);
}

fn dropped_by_the_goroutine<L: Load>() {
    let load = L::new();
    assert!(spawn(move || load.check()).join().is_ok());
    assert_eq!(L::live(), 0);
}

#[track_caller]
fn assert_all_gone<L: Load>() {
    let gone = support::within_yielding(Duration::from_secs(10), || L::live() == 0);
    assert!(gone, "{} are left", L::live());
}

fn detached<L: Load>() {
    // Before it starts.
    drop(pass::<L>());
    assert_all_gone::<L>();

    // While it runs.
    let (starts, goes_on) = (WaitGroup::new(), WaitGroup::new());
    starts.add(1);
    goes_on.add(1);
    let load = L::new();
    let (theirs, gate) = (starts.clone(), goes_on.clone());
    let handle = spawn(move || {
        theirs.done();
        gate.wait();
        load
    });
    starts.wait();
    assert!(!handle.is_finished());
    drop(handle);
    assert_eq!(L::live(), 1);
    goes_on.done();
    assert_all_gone::<L>();

    // After its end.
    let handle = pass::<L>();
    assert!(support::within_yielding(Duration::from_secs(10), || handle.is_finished()));
    assert_eq!(L::live(), 1);
    drop(handle);
    assert_eq!(L::live(), 0);
}

fn lost_to_panic_and_goexit<L: Load>() {
    // In a frame that is unwound; `resume_unwind` prints nothing.
    let load = L::new();
    let handle = spawn(move || {
        let load = load;
        load.check();
        panic::resume_unwind(Box::new(7));
    });
    let payload = handle.join().expect_err("it panics");
    assert_eq!(payload.downcast_ref(), Some(&7));
    assert_eq!(L::live(), 0);

    // As the payload, taken and not taken.
    let throw = || {
        let load = L::new();
        spawn(move || panic::resume_unwind(Box::new(load)))
    };
    let payload = throw().join().expect_err("it panics");
    payload.downcast::<L>().expect("the payload").check();
    assert_eq!(L::live(), 0);
    drop(throw());
    assert_all_gone::<L>();

    let load = L::new();
    let handle = spawn(move || {
        let _load = load;
        goexit();
    });
    assert!(handle.join().is_err());
    assert_eq!(L::live(), 0);
}

/// Many at once, joined in the other order.
fn at_once<L: Load>() {
    let handles: Vec<_> = (0..100).map(|_| pass::<L>()).collect();
    for handle in handles.into_iter().rev() {
        handle.join().expect("no panic").check();
    }
    assert_eq!(L::live(), 0);
}

#[test]
fn ids_are_unique_and_the_handle_knows_them() {
    support::under(&[1, 2, 8], |_| {
        let spawners: Vec<_> = (0..10)
            .map(|_| spawn(|| (0..10_000).map(|_| id_pair(spawn(own_id))).collect()))
            .collect();
        let lists: Vec<Vec<u64>> = spawners.into_iter().map(|s| s.join().unwrap()).collect();
        let distinct: HashSet<u64> = lists.iter().flatten().copied().collect();
        assert_eq!(distinct.len(), 100_000);
        assert!(!distinct.contains(&0));
    });
}

fn own_id() -> u64 {
    gort::current().id().as_u64()
}

fn id_pair(handle: JoinHandle<u64>) -> u64 {
    let outside = handle.goroutine().id().as_u64();
    assert_eq!(handle.join().unwrap(), outside);
    outside
}

#[test]
fn a_name_is_seen_inside_and_outside() {
    support::each(|_| {
        let handle = Builder::new()
            .name("näme".to_owned())
            .spawn(|| gort::current().name().map(str::to_owned))
            .unwrap();
        assert_eq!(handle.goroutine().name(), Some("näme"));
        assert_eq!(handle.join().unwrap().as_deref(), Some("näme"));
        let nameless = spawn(|| gort::current().name().is_none());
        assert_eq!(nameless.goroutine().name(), None);
        assert!(nameless.join().unwrap());
    });
}

#[test]
fn stack_sizes_are_honoured_or_refused_with_words() {
    /// Uses about 64 KiB a level.
    fn deep(levels: usize) -> usize {
        let mut frame = [0_u8; 64 << 10];
        std::hint::black_box(&mut frame);
        let below = if levels > 1 { deep(levels - 1) } else { 0 };
        below + 1 + usize::from(frame[levels])
    }
    support::under(&[1, 2], |_| {
        let sized = |bytes| Builder::new().stack_size(bytes);
        for (bytes, levels) in [(1 << 20, 12), (8 << 20, 110), (32 << 20, 450)] {
            assert_eq!(
                sized(bytes)
                    .spawn(move || deep(levels))
                    .unwrap()
                    .join()
                    .unwrap(),
                levels
            );
        }
        assert_eq!(sized(16 << 10).spawn(|| 1).unwrap().join().unwrap(), 1);
        for bytes in [0, usize::MAX, 1 << 50] {
            let error = sized(bytes).spawn(|| ()).expect_err("absurd");
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
            assert!(error.to_string().contains(&bytes.to_string()), "{error}");
        }
    });
    for bytes in [0, 1, usize::MAX] {
        let error = gort::runtime::Builder::new()
            .stack_size(bytes)
            .build()
            .expect_err("absurd");
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    }
}

#[test]
fn is_finished_turns_true_at_the_end_and_not_before() {
    support::each(|_| {
        let gate = WaitGroup::new();
        gate.add(1);
        let theirs = gate.clone();
        let handle = spawn(move || theirs.wait());
        for _ in 0..10 {
            yield_now();
            assert!(!handle.is_finished());
        }
        gate.done();
        let finished = || handle.is_finished();
        assert!(support::within_yielding(Duration::from_secs(10), finished));
        handle.join().unwrap();
    });
}

#[test]
fn goroutines_are_counted() {
    support::each(|runtime| {
        let gate = WaitGroup::new();
        gate.add(1);
        let handles: Vec<_> = (0..100)
            .map(|_| {
                let gate = gate.clone();
                spawn(move || gate.wait())
            })
            .collect();
        assert_eq!(runtime.num_goroutines(), 101);
        assert_eq!(gort::runtime::num_goroutines(), 101);
        gate.done();
        for handle in handles {
            handle.join().unwrap();
        }
        let alone = || runtime.num_goroutines() == 1;
        assert!(support::within_yielding(Duration::from_secs(5), alone));
        assert!(runtime.metrics().spawned >= 101);
    });
}

/// A binary tree of goroutines, each joining its two.
fn tree(depth: u32) -> u64 {
    if depth == 0 {
        return 1;
    }
    let left = spawn(move || tree(depth - 1));
    let right = go!(tree(depth - 1));
    left.join().unwrap() + right.join().unwrap()
}

#[test]
fn a_tree_of_goroutines_comes_together() {
    support::each(|_| assert_eq!(tree(12), 4096));
}

#[test]
fn a_chain_of_goroutines_comes_to_its_end() {
    fn link(left: u32, end: WaitGroup) {
        if left == 0 {
            end.done();
        } else {
            spawn(move || link(left - 1, end));
        }
    }
    support::each(|_| {
        let end = WaitGroup::new();
        end.add(1);
        let theirs = end.clone();
        spawn(move || link(10_000, theirs));
        end.wait();
    });
}

#[test]
fn local_goroutines_stay_on_their_thread_and_may_share_rc() {
    support::each(|_| {
        let parent = thread::current().id();
        let log = Rc::new(RefCell::new(Vec::new()));
        let handles: Vec<_> = (0..200)
            .map(|i| {
                let log = Rc::clone(&log);
                spawn_local(move || {
                    for _ in 0..10 {
                        assert_eq!(thread::current().id(), parent);
                        yield_now();
                    }
                    log.borrow_mut().push(i);
                    Rc::new(Cell::new(i))
                })
            })
            .collect();
        for (i, handle) in handles.into_iter().enumerate() {
            assert_eq!(handle.join().unwrap().get(), i);
        }
        assert_eq!(Rc::strong_count(&log), 1);
        assert_eq!(log.borrow().len(), 200);
    });
}

#[test]
fn a_yield_lets_a_fresh_goroutine_run_first() {
    let body = |_: &gort::runtime::Runtime| {
        for _ in 0..100 {
            let ran = Arc::new(AtomicBool::new(false));
            let theirs = Arc::clone(&ran);
            let handle = spawn(move || theirs.store(true, SeqCst));
            let mut yields = 0;
            while !ran.load(SeqCst) {
                yield_now();
                yields += 1;
            }
            // More than one only when a turn was somebody else's by the fairness rule.
            assert!(yields <= 3, "{yields} yields");
            handle.join().unwrap();
        }
    };
    support::under(&[1], body);
}
