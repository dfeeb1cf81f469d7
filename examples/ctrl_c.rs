//! A program that stops in good order: after Ctrl-C, or `kill`, the jobs that have begun come to
//! their end before it does. The second Ctrl-C ends it at once. In Go: `signal.NotifyContext`.

use gort::{WaitGroup, bounded, context, go, select, signal};
use std::{io, process::ExitCode, time::Duration};

#[gort::main]
fn main() -> io::Result<ExitCode> {
    let signals = [signal::SIGINT, signal::SIGTERM];
    let (ctx, _cancel) = signal::notify_context(&context::background(), &signals)?;
    let workers = WaitGroup::new();
    for _ in 0..10 {
        let ctx = ctx.clone();
        workers.go(move || {
            while ctx.err().is_none() {
                gort::sleep(Duration::from_millis(20)); // a job, which is not cut in the middle
            }
        });
    }
    println!("working; Ctrl-C stops it");
    let _ = ctx.done().recv();
    println!("stopping");

    let (ended, all_ended) = bounded::<()>(0);
    go!({
        workers.wait();
        drop(ended);
    });
    Ok(select! {
        recv(all_ended) -> _ => {
            println!("all jobs have ended");
            ExitCode::SUCCESS
        }
        default(Duration::from_secs(10)) => {
            eprintln!("some jobs take too long");
            ExitCode::FAILURE
        }
    })
}
