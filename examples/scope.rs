//! Goroutines of a scope may borrow from the function that starts them: the scope ends only when
//! they have. Run it with `cargo run --example scope`.
//!
//! In Go: goroutines may share whatever they like, and the race detector may tell. Here the
//! compiler does.

use gort::runtime;

#[runtime::main]
fn main() {
    let mut numbers: Vec<u64> = (1..=1000).collect();

    // Shared: both halves read the same vector, with no `Arc` and no copy.
    let (low, high) = numbers.split_at(numbers.len() / 2);
    let (low_sum, high_sum) = gort::scope(|s| {
        let low_sum = s.spawn(|| low.iter().sum::<u64>());
        let high_sum = s.spawn(|| high.iter().sum::<u64>());
        (
            low_sum.join().expect("no panic"),
            high_sum.join().expect("no panic"),
        )
    });
    println!("{low_sum} + {high_sum} = {}", low_sum + high_sum);

    // Exclusive: each goroutine has a part of the vector to itself.
    gort::scope(|s| {
        for part in numbers.chunks_mut(250) {
            s.spawn(|| part.iter_mut().for_each(|n| *n *= 2));
        }
    });
    println!("doubled: {}", numbers.iter().sum::<u64>());
}
