//! Many senders, one receiver: three sources send into one channel, which ends when the last source does.
//! Run it with `cargo run --example fan_in`.

use std::collections::BTreeMap;

use gort::sync::channel::{Sender, bounded};
use gort::{go, runtime};

struct Reading {
    source: &'static str,
    value: u32,
}

fn measure(source: &'static str, values: Vec<u32>, readings: Sender<Reading>) {
    for value in values {
        readings
            .send(Reading { source, value })
            .expect("main receives until the end");
    }
}

#[runtime::main]
fn main() {
    let (readings, all) = bounded(4);
    go!(measure("door", vec![3, 1], readings.clone()));
    go!(measure("roof", vec![7, 8, 9], readings.clone()));
    go!(measure("yard", vec![5, 6], readings));

    // How the sources interleave is up to the scheduler: so sum up by source.
    let mut sums = BTreeMap::<_, (usize, u32)>::new();
    for Reading { source, value } in &all {
        let (count, sum) = sums.entry(source).or_default();
        *count += 1;
        *sum += value;
    }
    for (source, (count, sum)) in sums {
        println!("{source}: {count} readings, sum {sum}");
    }
}
