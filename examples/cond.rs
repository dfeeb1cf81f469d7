//! Condition variables: runners wait for the starting shot, and the judge waits until all have
//! arrived. Run it with `cargo run --example cond`.
//!
//! In Go: `for !started { cond.Wait() }` with the `Cond` made for one lock; `Signal` wakes one,
//! `Broadcast` all. Here the guard of the lock is handed to the wait, and `wait_while` is the loop.
//! Closing a channel is often the simpler broadcast.

use std::sync::Arc;

use gort::runtime;
use gort::sync::{Cond, Mutex, WaitGroup};

#[derive(Default)]
struct Race {
    ready: usize,
    started: bool,
    arrived: Vec<usize>,
}

#[derive(Default)]
struct Track {
    race: Mutex<Race>,
    changed: Cond,
    shot: Cond,
}

const RUNNERS: usize = 5;

fn run(number: usize, track: &Track) {
    let mut race = track.race.lock();
    race.ready += 1;
    track.changed.notify_one(); // the judge counts
    track.shot.wait_while(&mut race, |race| !race.started); // the lock is free meanwhile
    race.arrived.push(number);
    track.changed.notify_one();
}

#[runtime::main]
fn main() {
    let track = Arc::new(Track::default());
    let runners = WaitGroup::new();
    for number in 1..=RUNNERS {
        let track = Arc::clone(&track);
        runners.go(move || run(number, &track));
    }

    let mut race = track.race.lock();
    let not_ready = |race: &mut Race| race.ready < RUNNERS;
    track.changed.wait_while(&mut race, not_ready);
    println!(
        "{} runners are ready, {} have arrived",
        race.ready,
        race.arrived.len()
    );

    race.started = true;
    track.shot.notify_all();
    let on_the_way = |race: &mut Race| race.arrived.len() < RUNNERS;
    track.changed.wait_while(&mut race, on_the_way);
    race.arrived.sort_unstable();
    println!("arrived: {:?}", race.arrived);
    drop(race);
    runners.wait();
}
