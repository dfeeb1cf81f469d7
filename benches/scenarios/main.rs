//! The benchmark of gort: every scenario by name, inside a runtime of its own. `benches/README.md`
//! says how to read it.
//!
//! * this file: the table of scenarios, and how one is run;
//! * `cli`, `report`, `work`: the command line, the figures, and work to do; they know no runtime,
//!   the peers share them;
//! * `spawn`, `channels`, `servers`, `locks`, `sched`, `delays`, `memory`: the scenarios by
//!   subject, each a function from `n` to a `Sample`.

mod channels;
mod cli;
mod delays;
mod locks;
mod memory;
mod report;
mod sched;
mod servers;
mod spawn;
mod work;

use cli::{Measured, Plan, Scenario};
use gort::runtime::{Builder, Runtime};
use report::Sample;
use std::io;

/// Where a scenario's parent runs.
#[derive(Clone, Copy)]
enum Body {
    /// In a goroutine.
    Goroutine(fn(usize) -> Sample),
    /// On the plain thread that owns the runtime.
    Thread(fn(&Runtime, usize) -> Sample),
}

use Body::{Goroutine, Thread};

const TABLE: &[Scenario<Body>] = &[
    // Spawning.
    Scenario::new(
        "spawn_fanout",
        1_000_000,
        Goroutine(spawn::fanout),
        "one parent spawns n that count and end, then waits for all; op: one of them",
    ),
    Scenario::new(
        "spawn_chain",
        1_000_000,
        Goroutine(spawn::chain),
        "each spawns the next and ends; op: one link",
    ),
    Scenario::new(
        "spawn_join",
        1_000_000,
        Goroutine(spawn::join),
        "spawn one, join it, n times over; op: one of them",
    ),
    Scenario::new(
        "spawn_capture4",
        1_000_000,
        Goroutine(spawn::capture4),
        "spawn 4 and wait for them, n/4 times over; op: one of them",
    ),
    Scenario::new(
        "spawn_remote",
        1_000_000,
        Thread(spawn::remote),
        "a plain thread spawns n, then waits for all; op: one of them",
    ),
    Scenario::new(
        "skynet_1m",
        1_000_000,
        Goroutine(spawn::skynet),
        "a tree of 10 children a node down to n leaves, an unbuffered channel a node; op: one node",
    ),
    // Channels.
    Scenario::new(
        "pingpong",
        1_000_000,
        Goroutine(channels::pingpong),
        "two talk over two unbuffered channels; op: one round trip",
    ),
    Scenario::new(
        "pingpong_far",
        1_000_000,
        Goroutine(channels::pingpong_far),
        "the same between two that main spawns and waits for; op: one round trip",
    ),
    Scenario::new(
        "chan_1p1c_0",
        1_000_000,
        Goroutine(|n| channels::flow(1, 1, Some(0), n)),
        "1 producer, 1 consumer, unbuffered; op: one message",
    ),
    Scenario::new(
        "chan_1p1c_1",
        1_000_000,
        Goroutine(|n| channels::flow(1, 1, Some(1), n)),
        "the same, capacity 1",
    ),
    Scenario::new(
        "chan_1p1c_128",
        5_000_000,
        Goroutine(|n| channels::flow(1, 1, Some(128), n)),
        "the same, capacity 128",
    ),
    Scenario::new(
        "chan_1p1c_unbounded",
        5_000_000,
        Goroutine(|n| channels::flow(1, 1, None, n)),
        "the same, unbounded",
    ),
    Scenario::new(
        "chan_4p4c_0",
        1_000_000,
        Goroutine(|n| channels::flow(4, 4, Some(0), n)),
        "4 producers, 4 consumers, unbuffered; op: one message",
    ),
    Scenario::new(
        "chan_4p4c_1",
        1_000_000,
        Goroutine(|n| channels::flow(4, 4, Some(1), n)),
        "the same, capacity 1",
    ),
    Scenario::new(
        "chan_4p4c_128",
        5_000_000,
        Goroutine(|n| channels::flow(4, 4, Some(128), n)),
        "the same, capacity 128",
    ),
    Scenario::new(
        "chan_4p4c_unbounded",
        5_000_000,
        Goroutine(|n| channels::flow(4, 4, None, n)),
        "the same, unbounded",
    ),
    Scenario::new(
        "chan_uncontended",
        10_000_000,
        Goroutine(channels::uncontended),
        "one goroutine sends 100 and receives 100, over and over; op: one send and one receive",
    ),
    Scenario::new(
        "ring_503",
        1_000_000,
        Goroutine(channels::ring),
        "a token goes round 503 goroutines over unbuffered channels; op: one hop",
    ),
    // Requests and replies.
    Scenario::new(
        "reqrep",
        500_000,
        Goroutine(servers::reqrep),
        "one server, 100 clients, an unbuffered channel for each reply; op: one request",
    ),
    Scenario::new(
        "stateful",
        500_000,
        Goroutine(servers::stateful),
        "one owns a map, 100 read and 10 write through requests to it; op: a read or a write",
    ),
    Scenario::new(
        "memo",
        200_000,
        Goroutine(servers::memo),
        "100 clients ask a memo server for 1000 keys; op: one question",
    ),
    Scenario::new(
        "balancer",
        200_000,
        Goroutine(servers::balancer),
        "100 requesters, a balancer with a heap of 10 workers, 200 ns of work; op: one request",
    ),
    // Locks.
    Scenario::new(
        "mutex_1",
        10_000_000,
        Goroutine(|n| locks::mutex(1, n)),
        "1 goroutine locks, adds one, unlocks; op: one of these",
    ),
    Scenario::new(
        "mutex_2",
        2_000_000,
        Goroutine(|n| locks::mutex(2, n)),
        "the same, 2 share it",
    ),
    Scenario::new(
        "mutex_100",
        2_000_000,
        Goroutine(|n| locks::mutex(100, n)),
        "the same, 100 share it",
    ),
    Scenario::new(
        "rwmutex_1",
        10_000_000,
        Goroutine(|n| locks::rw_mutex(1, n)),
        "1 goroutine reads, each 100th time writes; op: one of either",
    ),
    Scenario::new(
        "rwmutex_100",
        2_000_000,
        Goroutine(|n| locks::rw_mutex(100, n)),
        "the same, 100 share it",
    ),
    // The scheduler.
    Scenario::new(
        "yield_1",
        5_000_000,
        Goroutine(|n| sched::yields(1, n)),
        "1 goroutine yields; op: one yield",
    ),
    Scenario::new(
        "yield_1000",
        5_000_000,
        Goroutine(|n| sched::yields(1000, n)),
        "1000 yield in turn; op: one yield, their spawning included",
    ),
    Scenario::new(
        "yield_100k",
        2_000_000,
        Goroutine(|n| sched::yields(100_000, n)),
        "the same with 100,000",
    ),
    Scenario::new(
        "pool_balance",
        8192,
        Goroutine(sched::pool_balance),
        "8 long-lived, spawned in a row, share n pieces of CPU work from one channel; op: a piece",
    )
    .under(&[1, 2]),
    Scenario::new(
        "pool_2",
        800,
        Goroutine(|n| sched::pool(2, n)),
        "a pool of 2 gets n jobs of 0.8 ms over one unbuffered channel; op: a job",
    )
    .under(&[1, 2]),
    Scenario::new(
        "pool_3",
        800,
        Goroutine(|n| sched::pool(3, n)),
        "the same, a pool of 3",
    )
    .under(&[1, 2]),
    Scenario::new(
        "pool_8",
        800,
        Goroutine(|n| sched::pool(8, n)),
        "the same, a pool of 8",
    )
    .under(&[1, 2]),
    Scenario::new(
        "pool_64",
        800,
        Goroutine(|n| sched::pool(64, n)),
        "the same, a pool of 64",
    )
    .under(&[1, 2]),
    Scenario::new(
        "steal_latency",
        5_000,
        Goroutine(sched::steal_latency),
        "a busy producer spawns one each 100 us, another worker must take it; op: p50 to its start",
    )
    .at_least(2),
    Scenario::new(
        "wake_idle",
        500,
        Goroutine(sched::wake_idle),
        "a busy goroutine wakes one whose worker has slept 1 ms; op: p50 to its resumption",
    )
    .at_least(2),
    Scenario::new(
        "wake_idle_thread",
        500,
        Goroutine(sched::wake_idle_thread),
        "a plain thread wakes one whose worker has slept 1 ms; op: p50 to its resumption",
    ),
    Scenario::new(
        "wake_to_run",
        500,
        Goroutine(delays::wake_to_run),
        "a goroutine wakes another and computes on for 300 us; op: p50 to its resumption",
    )
    .at_least(2),
    Scenario::new(
        "wake_to_run_mix",
        500,
        Goroutine(delays::wake_to_run_mix),
        "the same, with 200 round trips of ping-pong before each",
    )
    .at_least(2),
    Scenario::new(
        "late_sleepers",
        200,
        Thread(delays::late_sleepers),
        "200 sleep 20 ms over and over beside one that spins 3 s, whatever n; op: p50 of each one's worst lateness",
    ),
    Scenario::new(
        "timers_beside_turns",
        100,
        Thread(delays::timers_beside_turns),
        "beside turns of 5 ms one sleeps 2 ms 100 times, a thread spawns 50, whatever n; op: p50 lateness of the sleep",
    ),
    // Many at once.
    Scenario::new(
        "parked_1m",
        1_000_000,
        Goroutine(memory::parked),
        "n start and park on one channel, then its closing releases all; op: one start",
    ),
    Scenario::new(
        "churn",
        2_000_000,
        Goroutine(memory::churn),
        "1000 live: each yields once, spawns its successor, ends; op: one life",
    ),
    Scenario::new(
        "sleepers",
        1_000_000,
        Goroutine(memory::sleepers),
        "n sleep 0 to 999 ms each; op: the wall time by n, so never under 1 s in all",
    ),
];

fn main() {
    cli::main("gort", TABLE, |scenario, plan| {
        run(scenario.body, plan).expect("a runtime could not be started")
    });
}

/// All rounds of one scenario on one runtime, so that all but the first find it warm.
fn run(body: Body, plan: Plan) -> io::Result<Measured> {
    let runtime = Builder::new().workers(plan.workers).build()?;
    let n = plan.n;
    let rounds = (0..plan.rounds)
        .map(|_| match body {
            Goroutine(f) => runtime.run(move || f(n)),
            Thread(f) => f(&runtime, n),
        })
        .collect();
    Ok((rounds, format!("{:?}", runtime.metrics())))
}
