//! Readers and writers who do not wait: who gets in under a `Mutex`, and who under a `RwMutex`?
//! Run it with `cargo run --example try_read`.
//!
//! In Go: `mu.TryLock()` and `rw.TryRLock()`, which say true or false, and are to be undone by
//! hand. Here a guard comes back or none, and dropping it unlocks.

use gort::runtime;
use gort::sync::{Mutex, RwMutex};

const OTHERS: usize = 5;

/// How many of the other goroutines get in, each at its first try.
fn admitted(try_enter: impl Fn() -> bool + Sync) -> String {
    let count = gort::scope(|s| {
        let others = [(); OTHERS].map(|()| s.spawn(&try_enter));
        let entered = others.map(|other| other.join().expect("nobody panics"));
        entered.iter().filter(|&&entered| entered).count()
    });
    format!("{count} of {OTHERS}")
}

#[runtime::main]
fn main() {
    let page = Mutex::new("all the news");
    let reading = page.lock();
    let readers = admitted(|| page.try_lock().is_some());
    println!("Mutex, while one reads {:?}: readers {readers}", *reading);
    drop(reading);

    let page = RwMutex::new(String::from("all the news"));
    let reading = page.read();
    let readers = admitted(|| page.try_read().is_some_and(|page| page.contains("news")));
    let writers = admitted(|| page.try_write().is_some());
    println!(
        "RwMutex, while one reads {:?}: readers {readers}, writers {writers}",
        *reading
    );
    drop(reading);

    let mut writing = page.write();
    let readers = admitted(|| page.try_read().is_some());
    let writers = admitted(|| page.try_write().is_some());
    writing.push_str(", and more");
    println!(
        "RwMutex, while one writes {:?}: readers {readers}, writers {writers}",
        *writing
    );
    drop(writing);

    match page.try_read() {
        Some(page) => println!("afterwards: {page:?}"),
        None => println!("unexpected: still locked"),
    }
}
