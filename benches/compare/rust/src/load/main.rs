//! A load generator for the servers of `net.py`: each connection sends a request, waits for the
//! whole answer, checks it, and sends the next one. It has one thread, whatever it drives.
//!
//! ```sh
//! load ADDR --mode echo|http --connections N [--size BYTES] [--pipeline K] [--seconds S]
//!     [--warmup S] [--pid SERVER_PID] [--idle N] [--touch] [--json]
//! ```

mod connection;
mod idle;
mod options;
mod process;
mod report;

use connection::{Exchange, Tally, Window};
use idle::Idle;
use options::Options;
use process::Usage;
use report::Report;
use std::{io, rc::Rc, time::Duration};
use tokio::{
    runtime::Builder,
    task::LocalSet,
    time::{Instant, sleep_until},
};

fn main() {
    let options = options::parse();
    let runtime = Builder::new_current_thread().enable_all().build();
    let report = runtime
        .and_then(|runtime| LocalSet::new().block_on(&runtime, run(&options)))
        .unwrap_or_else(|error| {
            eprintln!("load: {}: {error}", options.addr);
            std::process::exit(1)
        });
    report.print(&options);
    if report.requests == 0 {
        eprintln!("load: not one request was answered in time");
        std::process::exit(1);
    }
}

/// Opens the idle connections, then the busy ones, lets them warm up, and counts.
async fn run(options: &Options) -> io::Result<Report> {
    let exchange = Rc::new(Exchange::new(options)?);
    let idle = Idle::open(options, &exchange).await?;
    let streams = connection::open(&options.addr, options.connections).await?;

    let start = Instant::now() + Duration::from_secs_f64(options.warmup);
    let end = start + Duration::from_secs_f64(options.seconds);
    let tally = Rc::new(Tally::new(Window {
        start: start.into_std(),
        end: end.into_std(),
    })?);
    for stream in streams {
        let (exchange, tally) = (exchange.clone(), tally.clone());
        tokio::task::spawn_local(connection::keep_asking(stream, exchange, tally));
    }

    sleep_until(start).await;
    let before = options.pid.map(Usage::of).transpose()?;
    sleep_until(end).await;
    let after = options.pid.map(Usage::of).transpose()?;
    let lost = idle.lost();
    Ok(Report::new(
        options,
        &tally,
        before.zip(after),
        &idle.memory,
        lost,
    ))
}
