//! A `RwMutex` lets any number of readers in at once, and a writer only alone.
//! Run it with `cargo run --example rw_mutex`.
//!
//! In Go: `sync.RWMutex` with `RLock` and `Lock`. Here a reader gets a guard that cannot write.

use std::collections::BTreeMap;
use std::sync::Arc;

use gort::runtime;
use gort::sync::{RwMutex, WaitGroup};

const READERS: usize = 5;

#[runtime::main]
fn main() {
    let prices = Arc::new(RwMutex::new(BTreeMap::from([("apple", 30), ("pear", 40)])));

    // Each reader keeps its lock until all five have theirs. Under a plain mutex this would wait
    // for ever.
    let inside = WaitGroup::new();
    inside.add(READERS);
    let readers = WaitGroup::new();
    for _ in 0..READERS {
        let (prices, inside) = (Arc::clone(&prices), inside.clone());
        readers.go(move || {
            let list = prices.read();
            inside.done();
            inside.wait();
            assert_eq!(list["apple"], 30);
        });
    }
    readers.wait();
    println!("{READERS} readers were inside at once");

    // Each writer is alone: no price rise is lost.
    let writers = WaitGroup::new();
    for _ in 0..10 {
        let prices = Arc::clone(&prices);
        writers.go(move || {
            for price in prices.write().values_mut() {
                *price += 1;
            }
        });
    }
    writers.wait();
    for (fruit, price) in prices.read().iter() {
        println!("{fruit} now costs {price}");
    }
}
