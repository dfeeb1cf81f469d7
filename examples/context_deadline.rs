//! A deadline is one moment for all the steps of a task, however long each of them takes.
//! Run it with `cargo run --example context_deadline`.
//!
//! In Go: `context.WithDeadline(parent, time.Now().Add(d))`, and `deadline, ok := ctx.Deadline()`;
//! here that is an `Option`. A context that is derived may have less time than its parent, and
//! never more.

use std::time::{Duration, Instant};

use gort::context::{self, Context, Error};
use gort::{runtime, select};

/// One step of work, unless the context ends before it is done.
fn step(ctx: &Context, takes: Duration) -> Result<(), Error> {
    select! {
        recv(ctx.done()) -> _ => Err(ctx.err().unwrap_or(Error::Canceled)),
        default(takes) => Ok(()), // where a program would wait for its work
    }
}

#[runtime::main]
fn main() {
    let deadline = Instant::now() + Duration::from_secs(1);
    let (task, _cancel) = context::with_deadline(&Context::background(), deadline);
    println!(
        "the task ends in time: {}",
        task.deadline() == Some(deadline)
    );

    let (more, _cancel) = context::with_deadline(&task, deadline + Duration::from_secs(60));
    println!("a minute more: {}", more.deadline() > task.deadline());
    let (less, _cancel) = context::with_timeout(&task, Duration::from_millis(1));
    println!("some time less: {}", less.deadline() < task.deadline());

    println!("a short step: {:?}", step(&task, Duration::from_millis(1)));
    println!(
        "one with less time: {:?}",
        step(&less, Duration::from_secs(60))
    );
    println!("the task has not ended: {:?}", task.err());
    println!(
        "a step that is too long: {:?}",
        step(&more, Duration::from_secs(60))
    );
    println!("the task: {:?}", task.err());
}
