//! Three workers share one channel of jobs, and their results come back over another.
//! Run it with `cargo run --example worker_pool`.
//!
//! In Go: `for job := range jobs { results <- work(job) }` in each worker, `close(jobs)`, and one
//! more goroutine for `wg.Wait(); close(results)`. Here the results also end by themselves, once no
//! worker has a sender any more.

use std::error::Error;

use gort::runtime;
use gort::sync::WaitGroup;
use gort::sync::channel::{Receiver, Sender, bounded};

const WORKERS: usize = 3;

/// Takes jobs until there are none left. Receivers can be cloned: whoever is free takes the next
/// job.
fn work(jobs: &Receiver<u64>, results: &Sender<(u64, u64)>) {
    for job in jobs {
        results
            .send((job, job * job))
            .expect("main collects until all are in");
    }
}

#[runtime::main]
fn main() -> Result<(), Box<dyn Error>> {
    let (jobs, queue) = bounded(9);
    let (results, collected) = bounded(9);

    let workers = WaitGroup::new();
    for _ in 0..WORKERS {
        let (queue, results) = (queue.clone(), results.clone());
        workers.go(move || work(&queue, &results));
    }
    drop(results); // from here on only the workers hold senders, so the results end when they do

    for job in 1..=9 {
        jobs.send(job)?;
    }
    jobs.close(); // the workers drain what is queued, and then their loops end

    let mut squares: Vec<(u64, u64)> = collected.iter().collect();
    workers.wait();
    squares.sort_unstable(); // they come in the order in which they got done
    for (job, square) in squares {
        println!("{job} squared is {square}");
    }
    Ok(())
}
