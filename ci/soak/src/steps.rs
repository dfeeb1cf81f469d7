//! What the goroutines of a random program do.

use crate::{
    dice::Dice,
    world::{Pipe, World},
};
use gort::{
    context, runtime, spawn,
    sync::channel::{Select, select},
};
use std::{
    cell::Cell,
    panic,
    sync::{Arc, atomic::Ordering::SeqCst},
    thread,
    time::Duration,
};

thread_local! {
    /// Changed and changed back by a goroutine that does not park meanwhile.
    static DEPTH: Cell<u32> = const { Cell::new(0) };
}

/// How deep goroutines spawn others.
const MOST_DEPTH: u32 = 3;

/// One goroutine: so many steps, chosen by its own dice.
pub(crate) fn run(world: &Arc<World>, seed: u64, depth: u32) {
    let _fails = FailsOnPanic;
    let mut dice = Dice::new(seed);
    let me = thread::current().id();
    for _ in 0..1 + dice.below(40) {
        step(world, &mut dice, depth);
        assert_eq!(
            thread::current().id(),
            me,
            "a goroutine has lost its thread"
        );
    }
}

/// What does not hold in a goroutine that nobody joins must not go by unseen.
struct FailsOnPanic;

impl Drop for FailsOnPanic {
    fn drop(&mut self) {
        if thread::panicking() {
            crate::fail("a goroutine has panicked: see above");
        }
    }
}

fn step(world: &Arc<World>, dice: &mut Dice, depth: u32) {
    let pipe = &world.pipes[dice.below(world.pipes.len() as u64) as usize];
    match dice.below(20) {
        0..3 => send(world, pipe, dice),
        3..6 => receive(pipe, dice),
        6..9 => choose(world, dice),
        9 => count(world),
        10 => read_or_write(world, dice),
        11 => enter(world),
        12 => gort::yield_now(),
        13 => gort::sleep(Duration::from_micros(dice.below(300))),
        14 | 15 if depth < MOST_DEPTH => child(world, dice, depth),
        16 if depth < MOST_DEPTH => failing_child(dice),
        17 => outside(world, pipe, dice),
        18 => give_up(pipe, dice),
        _ => use_thread_local(),
    }
}

fn patience(dice: &mut Dice) -> Duration {
    Duration::from_micros(dice.below(2000))
}

fn send(world: &World, pipe: &Pipe, dice: &mut Dice) {
    let message = world.message();
    let sent = if dice.below(3) == 0 {
        pipe.tx.try_send(message).is_ok()
    } else {
        pipe.tx.send_timeout(message, patience(dice)).is_ok()
    };
    if sent {
        pipe.count_sent(message);
    }
}

fn receive(pipe: &Pipe, dice: &mut Dice) {
    let received = if dice.below(3) == 0 {
        pipe.rx.try_recv().ok()
    } else {
        pipe.rx.recv_timeout(patience(dice)).ok()
    };
    if let Some(message) = received {
        pipe.count_received(message);
    }
}

/// A select over some arms, by the macro or by `Select`.
fn choose(world: &World, dice: &mut Dice) {
    let any = |dice: &mut Dice| &world.pipes[dice.below(world.pipes.len() as u64) as usize];
    let (a, b) = (any(dice), any(dice));
    let message = world.message();
    if dice.below(2) == 0 {
        let timeout = patience(dice);
        select! {
            recv(a.rx) -> got => if let Ok(got) = got { a.count_received(got) },
            send(b.tx, message) -> sent => if sent.is_ok() { b.count_sent(message) },
            default(timeout) => {}
        }
        return;
    }
    let mut select = Select::new();
    let (receives, sends) = (select.recv(&a.rx), select.send(&b.tx));
    let Ok(chosen) = select.select_timeout(patience(dice)) else {
        return;
    };
    if chosen.index() == receives {
        if let Ok(got) = chosen.recv(&a.rx) {
            a.count_received(got);
        }
    } else {
        assert_eq!(chosen.index(), sends);
        if chosen.send(&b.tx, message).is_ok() {
            b.count_sent(message);
        }
    }
}

fn count(world: &World) {
    let mut counter = world.counter.lock();
    let seen = *counter;
    gort::yield_now();
    *counter = seen + 1;
    world.counted.fetch_add(1, SeqCst);
}

fn read_or_write(world: &World, dice: &mut Dice) {
    if dice.below(3) == 0 {
        let mut pair = world.pair.write();
        pair.0 += 1;
        gort::yield_now();
        pair.1 += 1;
    } else {
        let pair = world.pair.read();
        gort::yield_now();
        assert_eq!(pair.0, pair.1, "a reader has seen half a change");
    }
}

fn enter(world: &World) {
    let _permit = world.permits.acquire(1);
    let inside = 1 + world.inside.fetch_add(1, SeqCst);
    assert!(inside <= world.most_inside, "{inside} have a permit");
    gort::yield_now();
    world.inside.fetch_sub(1, SeqCst);
}

/// A child that is joined, or left alone.
fn child(world: &Arc<World>, dice: &mut Dice, depth: u32) {
    let (seed, world) = (dice.next(), Arc::clone(world));
    if dice.below(2) == 0 {
        let all = world.all.clone();
        drop(all.go(move || run(&world, seed, depth + 1)));
        return;
    }
    let joined = spawn(move || {
        run(&world, seed, depth + 1);
        seed
    });
    assert_eq!(joined.join().ok(), Some(seed));
}

/// A child that panics or leaves early.
fn failing_child(dice: &mut Dice) {
    let (seed, panics) = (dice.next(), dice.below(2) == 0);
    let child = spawn(move || {
        gort::yield_now();
        if panics {
            panic::resume_unwind(Box::new(seed));
        }
        runtime::goexit();
    });
    let payload = child.join().expect_err("it cannot return");
    assert_eq!(payload.downcast_ref() == Some(&seed), panics);
}

/// Something that runs on another thread.
fn outside(world: &World, pipe: &Pipe, dice: &mut Dice) {
    let message = world.message();
    let tx = pipe.tx.clone();
    let patience = patience(dice);
    let sent = if dice.below(2) == 0 {
        runtime::blocking(move || tx.send_timeout(message, patience).is_ok())
    } else {
        let thread = thread::spawn(move || tx.send_timeout(message, patience).is_ok());
        runtime::blocking(move || thread.join()).expect("it cannot panic")
    };
    if sent {
        pipe.count_sent(message);
    }
}

/// A receive that a context ends.
fn give_up(pipe: &Pipe, dice: &mut Dice) {
    let (context, _cancel) = context::with_timeout(&context::background(), patience(dice));
    select! {
        recv(pipe.rx) -> got => if let Ok(got) = got { pipe.count_received(got) },
        recv(context.done()) -> _ => assert!(context.err().is_some()),
    }
}

/// No other goroutine comes between, since this one does not park.
fn use_thread_local() {
    DEPTH.with(|depth| {
        assert_eq!(depth.replace(depth.get() + 1), 0);
        depth.set(depth.get() - 1);
    });
}
