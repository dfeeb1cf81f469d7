//! What a `CachedArc` holds is dropped once, soon after its last user has gone, wherever those are.

use crate::{runtime::Builder, sync::cached_arc::CachedArc};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

/// Counts its drops.
struct Noted(Arc<AtomicUsize>);

impl Drop for Noted {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn noted() -> (CachedArc<Noted>, Arc<AtomicUsize>) {
    let drops = Arc::new(AtomicUsize::new(0));
    (CachedArc::new(Noted(Arc::clone(&drops))), drops)
}

#[test]
fn on_a_plain_thread_it_is_dropped_with_its_last_handle() {
    let (cached_arc, drops) = noted();
    let handles: Vec<_> = (0..100).map(|_| cached_arc.clone()).collect();
    drop(cached_arc);
    assert_eq!(drops.load(Ordering::SeqCst), 0);
    drop(handles);
    assert_eq!(drops.load(Ordering::SeqCst), 1);
}

/// Several things in turn, clones that go to other workers and to plain threads, and back.
#[test]
fn it_is_dropped_once_wherever_its_handles_end() {
    for workers in [1, 2, 3, 8] {
        let runtime = Builder::new().workers(workers).build().unwrap();
        let all = runtime.run(|| {
            let things: Vec<_> = (0..5).map(|_| noted()).collect();
            let mut goroutines = Vec::new();
            let mut threads = Vec::new();
            for i in 0..2_000 {
                let one = things[i % 5].0.clone();
                let other = things[i / 400].0.clone();
                assert_eq!(one.0.load(Ordering::SeqCst), 0);
                if i % 100 == 0 {
                    threads.push(thread::spawn(move || drop((one, other))));
                } else {
                    goroutines.push(crate::spawn(move || {
                        let third = one.clone();
                        crate::yield_now();
                        drop(one);
                        assert_eq!(third.0.load(Ordering::SeqCst), 0);
                        other
                    }));
                }
            }
            for goroutine in goroutines {
                drop(goroutine.join().unwrap());
            }
            for thread in threads {
                thread.join().unwrap();
            }
            let drops: Vec<_> = things.iter().map(|(_, drops)| Arc::clone(drops)).collect();
            assert!(drops.iter().all(|d| d.load(Ordering::SeqCst) == 0));
            drops
        });
        // The workers keep what they have at hand until they sleep.
        let patience = Instant::now();
        while all.iter().any(|d| d.load(Ordering::SeqCst) == 0) {
            assert!(patience.elapsed() < Duration::from_secs(20));
            thread::sleep(Duration::from_millis(1));
        }
        runtime.shutdown_timeout(Duration::from_secs(20)).unwrap();
        assert!(all.iter().all(|d| d.load(Ordering::SeqCst) == 1));
    }
}
