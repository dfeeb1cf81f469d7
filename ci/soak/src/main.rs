//! Random programs on gort for a given time: does each end, is anything lost or doubled?
//!
//! A seed chooses a program: how many workers and homes, which channels, what each goroutine does.
//! It does not choose the schedule, so a seed that failed may have to be run many times. A program
//! that does not end within 30 s is a failure, too: its goroutines are printed.

mod dice;
mod steps;
mod world;

use crate::{dice::Dice, world::World};
use gort::runtime::{Builder, Runtime};
use std::{
    env, process,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    thread,
    time::{Duration, Instant},
};

/// How long a program may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// The program that runs now.
static SEED: AtomicU64 = AtomicU64::new(0);
static RUNTIME: Mutex<Weak<Runtime>> = Mutex::new(Weak::new());

struct Settings {
    time: Duration,
    seed: u64,
    /// Run this program only.
    again: bool,
}

fn main() {
    let settings = settings().unwrap_or_else(|what| {
        eprintln!("{what}\nusage: gort-soak MINUTES [--seed FIRST | --again SEED]");
        process::exit(2);
    });
    thread::spawn(watch);
    let start = Instant::now();
    let mut programs = 0_u64;
    while start.elapsed() < settings.time {
        let seed = if settings.again {
            settings.seed
        } else {
            settings.seed + programs
        };
        program(seed);
        programs += 1;
    }
    let last = settings.seed + programs.saturating_sub(1);
    println!(
        "{programs} programs in {:.0} s, seeds {} to {last}: nothing lost, none hung",
        start.elapsed().as_secs_f64(),
        settings.seed
    );
}

fn settings() -> Result<Settings, String> {
    let mut words = env::args().skip(1);
    let minutes = words.next().ok_or("how many minutes?")?;
    let minutes: f64 = number(&minutes)?;
    let time = Duration::try_from_secs_f64(minutes * 60.0).map_err(|e| e.to_string())?;
    let mut settings = Settings {
        time,
        seed: 0,
        again: false,
    };
    while let Some(word) = words.next() {
        settings.again = match word.as_str() {
            "--seed" => false,
            "--again" => true,
            _ => return Err(format!("{word}: no such option")),
        };
        settings.seed = number(&words.next().ok_or("which seed?")?)?;
    }
    Ok(settings)
}

fn number<N: std::str::FromStr>(text: &str) -> Result<N, String> {
    text.parse().map_err(|_| format!("{text}: not a number"))
}

/// One program: all its goroutines end by themselves, since all that waits has a limit.
fn program(seed: u64) {
    SEED.store(seed, SeqCst);
    let mut dice = Dice::new(seed);
    let workers = dice.one_of(&[1, 1, 2, 2, 3, 8]);
    let homes = dice.one_of(&[1, 2, 4, 16]);
    let builder = Builder::new().workers(workers).homes(homes);
    let runtime = Arc::new(builder.build().expect("a runtime starts"));
    *lock() = Arc::downgrade(&runtime);
    let world = Arc::new(World::new(&mut dice));
    let (inner, first) = (Arc::clone(&world), dice.next());
    let goroutines = 1 + dice.below(30);
    runtime.run(move || {
        for i in 0..goroutines {
            let world = Arc::clone(&inner);
            let all = world.all.clone();
            drop(all.go(move || steps::run(&world, first ^ i, 0)));
        }
        inner.all.wait();
    });
    let faults = world.faults();
    if !faults.is_empty() {
        fail(&faults.join("\n"));
    }
    // Some are left parked, in a receive that nobody answers.
    if dice.below(4) == 0 {
        let rx = world.pipes[0].rx.clone();
        drop(runtime.spawn(move || rx.recv()));
    }
    *lock() = Weak::new();
    drop(runtime);
}

fn lock() -> std::sync::MutexGuard<'static, Weak<Runtime>> {
    RUNTIME.lock().unwrap_or_else(PoisonError::into_inner)
}

fn fail(what: &str) -> ! {
    let seed = SEED.load(SeqCst);
    eprintln!("seed {seed} failed (again: gort-soak 1 --again {seed}):\n{what}");
    process::exit(1);
}

/// Ends the process when one program takes too long.
fn watch() {
    let mut seen = (u64::MAX, Instant::now());
    loop {
        thread::sleep(Duration::from_millis(500));
        let seed = SEED.load(SeqCst);
        if seed != seen.0 {
            seen = (seed, Instant::now());
        } else if seen.1.elapsed() > PATIENCE {
            let runtime = lock().upgrade();
            fail(&runtime.map_or_else(String::new, |runtime| runtime.dump()));
        }
    }
}
