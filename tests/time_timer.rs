//! `Timer` and `Ticker`: what `stop` and `reset` answer, that nothing stale comes after them, and
//! who is woken by them.

mod support;

use gort::{
    spawn,
    sync::{
        WaitGroup,
        channel::{Receiver, RecvTimeoutError, Select, TryRecvError, bounded, never, select},
    },
    time::{Ticker, Timer, now, sleep, sleep_until},
};
use std::{
    panic::catch_unwind,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    thread,
    time::{Duration, Instant},
};
use support::Random;

const HOUR: Duration = Duration::from_secs(3600);

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// On a plain thread, and in a goroutine under each number of workers.
fn everywhere(body: impl Fn() + Sync) {
    body();
    support::each(|_| body());
}

/// One whose message is there.
fn fired() -> Timer {
    let timer = Timer::new(Duration::ZERO);
    assert_eq!(timer.receiver().len(), 1);
    timer
}

/// One whose message was there, and was received.
fn received() -> Timer {
    let timer = fired();
    timer.receiver().try_recv().unwrap();
    timer
}

#[test]
fn a_timer_fires_once_and_not_early() {
    everywhere(|| {
        let start = now();
        let timer = Timer::new(ms(3));
        let rx = timer.receiver();
        let due = rx.recv().unwrap();
        assert!(due >= start + ms(3) && due <= now());
        assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
        assert_eq!(rx.recv_timeout(ms(5)), Err(RecvTimeoutError::Timeout));
    });
}

#[test]
fn stop_says_whether_the_message_was_still_to_come() {
    let table = [
        (Timer::new(HOUR), true),
        (Timer::new(Duration::MAX), true),
        (fired(), true), // nobody has received it
        (received(), false),
    ];
    for (timer, was_to_come) in table {
        assert_eq!(timer.stop(), was_to_come);
        assert_eq!(timer.receiver().len(), 0);
        assert_eq!(timer.receiver().try_recv(), Err(TryRecvError::Empty));
        assert!(!timer.stop());
        assert!(!timer.receiver().is_closed());
    }
}

#[test]
fn reset_says_the_same_and_sets_it_again() {
    let stopped = Timer::new(HOUR);
    stopped.stop();
    let table = [
        (Timer::new(HOUR), true),
        (Timer::new(Duration::MAX), true),
        (fired(), true),
        (received(), false),
        (stopped, false),
    ];
    for (timer, was_to_come) in table {
        let before = now();
        assert_eq!(timer.reset(ms(2)), was_to_come);
        let due = timer.receiver().recv().unwrap();
        assert!(due >= before + ms(2));
        assert!(!timer.reset(HOUR));
        assert!(timer.receiver().try_recv().is_err());
        assert!(timer.reset(Duration::MAX));
        assert!(timer.receiver().recv_timeout(ms(1)).is_err());
        assert!(timer.stop());
    }
}

#[test]
fn a_reset_postpones() {
    everywhere(|| {
        let timer = Timer::new(ms(2));
        for _ in 0..5 {
            sleep(ms(1));
            timer.reset(ms(10));
        }
        let last = now();
        timer.reset(ms(10));
        assert!(timer.receiver().recv().unwrap() >= last + ms(10));
    });
}

/// Receives in one of the ways there are.
fn receive(rx: &Receiver<Instant>, way: usize) -> Instant {
    match way % 5 {
        0 => rx.recv().unwrap(),
        1 => rx.recv_timeout(HOUR).unwrap(),
        2 => select! {
            recv(rx) -> msg => msg.unwrap(),
            recv(never::<()>()) -> _ => unreachable!(),
        },
        3 => {
            let mut select = Select::new();
            select.recv(rx);
            loop {
                select.ready();
                if let Ok(message) = rx.try_recv() {
                    return message;
                }
            }
        }
        _ => {
            let mut select = Select::new();
            select.recv(rx);
            select.recv(rx);
            select.select_timeout(HOUR).unwrap().recv(rx).unwrap()
        }
    }
}

#[test]
fn an_earlier_instant_wakes_those_who_wait() {
    support::each(|runtime| {
        for way in 0..10 {
            for before in [Some(HOUR), None] {
                let timer = Arc::new(Timer::new(HOUR));
                if before.is_none() {
                    timer.stop();
                }
                let theirs = Arc::clone(&timer);
                let receiver = move || receive(theirs.receiver(), way);
                let parks = runtime.metrics().parks;
                if way < 5 {
                    let receiver = spawn(receiver);
                    // It waits then, or is about to, which must do as well.
                    support::within_yielding(ms(20), || runtime.metrics().parks > parks);
                    assert_eq!(timer.reset(ms(1)), before.is_some());
                    receiver.join().unwrap();
                } else {
                    let receiver = thread::spawn(receiver);
                    sleep(ms(2));
                    assert_eq!(timer.reset(ms(1)), before.is_some());
                    gort::runtime::blocking(|| receiver.join().unwrap());
                }
            }
        }
    });
}

/// An earlier instant makes those who wait look again; as long as that has not come they wait on.
#[test]
fn a_reset_alone_ends_no_wait() {
    everywhere(|| {
        const WAIT: Duration = Duration::from_millis(20);
        let timer = Arc::new(Timer::new(HOUR));
        let handles: Vec<_> = (0..4)
            .map(|way| {
                let timer = Arc::clone(&timer);
                spawn(move || {
                    let (start, rx) = (now(), timer.receiver());
                    let mut select = Select::new();
                    select.recv(rx);
                    let ended = match way {
                        0 => rx.recv_timeout(WAIT).is_ok(),
                        1 => select.ready_timeout(WAIT).is_ok(),
                        2 => select
                            .select_timeout(WAIT)
                            .is_ok_and(|s| s.recv(rx).is_ok()),
                        _ => select! {
                            recv(rx) -> _ => true,
                            default(WAIT) => false,
                        },
                    };
                    assert!(!ended, "way {way}: nothing was there");
                    assert!(now() >= start + WAIT);
                })
            })
            .collect();
        for minutes in (1..10).rev() {
            sleep(ms(1));
            timer.reset(Duration::from_secs(60 * minutes));
        }
        handles.into_iter().for_each(|h| h.join().unwrap());
    });
}

#[test]
fn those_who_wait_for_a_stopped_timer_wait_on() {
    everywhere(|| {
        let timer = Arc::new(Timer::new(ms(3)));
        let handles: Vec<_> = (0..5)
            .map(|way| {
                let timer = Arc::clone(&timer);
                spawn(move || receive(timer.receiver(), way))
            })
            .collect();
        let stopped = timer.stop();
        sleep(ms(10));
        let gone = handles.iter().filter(|h| h.is_finished()).count();
        // If it did stop it, nobody got anything.
        assert_eq!(gone, usize::from(!stopped));
        let mut done = gone;
        while done < 5 {
            let before = now();
            timer.reset(Duration::ZERO);
            done += 1;
            while handles.iter().filter(|h| h.is_finished()).count() < done {
                sleep(Duration::from_micros(100));
            }
            assert!(now() >= before);
        }
        assert!(handles.into_iter().all(|h| h.join().is_ok()));
    });
}

/// One goroutine stops and resets, others receive in all ways: what it receives itself is always of
/// its last reset.
#[test]
fn nothing_stale_comes_after_a_stop_or_a_reset() {
    support::each(|_| {
        let rounds = if cfg!(debug_assertions) { 1000 } else { 3000 };
        let timer = Arc::new(Timer::new(HOUR));
        let (quit_tx, quit) = bounded::<()>(0);
        // No message that is received by a call that began now may be older.
        let floor = Arc::new(Mutex::new(now()));
        let hits = Arc::new(AtomicUsize::new(0));
        let group = WaitGroup::new();
        for way in 0..6 {
            let (timer, quit) = (Arc::clone(&timer), quit.clone());
            let (floor, hits) = (Arc::clone(&floor), Arc::clone(&hits));
            group.go(move || {
                let rx = timer.receiver();
                while !quit.is_closed() {
                    let oldest = *floor.lock().unwrap_or_else(PoisonError::into_inner);
                    let message = match way % 3 {
                        0 => rx.recv_timeout(Duration::from_micros(100)).ok(),
                        1 => select! {
                            recv(rx) -> msg => msg.ok(),
                            recv(quit) -> _ => None,
                        },
                        _ => {
                            gort::yield_now();
                            rx.try_recv().ok()
                        }
                    };
                    if let Some(message) = message {
                        assert!(message >= oldest, "{:?} too old", oldest - message);
                        hits.fetch_add(1, SeqCst);
                    }
                }
            });
        }
        let mut random = Random::new(7);
        for _ in 0..rounds {
            let delay = Duration::from_micros(random.below(60));
            let before = now();
            timer.reset(delay);
            *floor.lock().unwrap() = before + delay;
            match random.below(4) {
                0 => gort::yield_now(),
                1 => sleep(Duration::from_micros(random.below(80))),
                2 => {
                    timer.stop();
                    assert_eq!(timer.receiver().len(), 0);
                    assert!(timer.receiver().try_recv().is_err());
                }
                _ => {
                    if let Ok(message) = timer.receiver().try_recv() {
                        assert!(message >= before + delay);
                        assert!(message <= now());
                    }
                }
            }
        }
        quit_tx.close();
        group.wait();
        assert!(hits.load(SeqCst) > 0, "nobody received anything");
    });
}

/// Many stop and reset at once. Each message that was to come is received, or lost to one `true`.
#[test]
fn every_message_is_received_or_called_off_once() {
    support::each(|_| {
        let rounds = if cfg!(debug_assertions) { 300 } else { 2000 };
        let timer = Arc::new(Timer::new(Duration::ZERO));
        let counts = Arc::new([const { AtomicUsize::new(0) }; 3]);
        let over = Arc::new(AtomicBool::new(false));
        let (setters, receivers) = (WaitGroup::new(), WaitGroup::new());
        counts[0].fetch_add(1, SeqCst);
        for seed in 0..6 {
            let (timer, counts) = (Arc::clone(&timer), Arc::clone(&counts));
            setters.go(move || {
                let mut random = Random::new(seed);
                for _ in 0..rounds {
                    let stops = random.below(3) == 0;
                    let was_to_come = if stops {
                        timer.stop()
                    } else {
                        counts[0].fetch_add(1, SeqCst);
                        timer.reset(Duration::from_micros(random.below(50)))
                    };
                    counts[1].fetch_add(usize::from(was_to_come), SeqCst);
                    if random.below(8) == 0 {
                        sleep(Duration::from_micros(random.below(100)));
                    }
                }
            });
        }
        for way in 0..6 {
            let (timer, counts, over) =
                (Arc::clone(&timer), Arc::clone(&counts), Arc::clone(&over));
            receivers.go(move || {
                let rx = timer.receiver();
                while !over.load(SeqCst) {
                    let received = match way % 2 {
                        0 => rx.recv_timeout(Duration::from_micros(200)).is_ok(),
                        _ => select! {
                            recv(rx) -> msg => msg.is_ok(),
                            default(Duration::from_micros(200)) => false,
                        },
                    };
                    counts[2].fetch_add(usize::from(received), SeqCst);
                }
            });
        }
        setters.wait();
        over.store(true, SeqCst);
        receivers.wait();
        counts[1].fetch_add(usize::from(timer.stop()), SeqCst);
        let [set, called_off, received] = &*counts;
        let ended = called_off.load(SeqCst) + received.load(SeqCst);
        assert_eq!(set.load(SeqCst), ended);
    });
}

#[test]
fn a_dropped_timer_goes_but_for_its_clones() {
    everywhere(|| {
        let timer = Timer::new(ms(2));
        let rx = timer.receiver().clone();
        assert!(rx.same_channel(timer.receiver()));
        drop(timer);
        assert!(rx.recv().is_ok());
    });
}

#[test]
fn a_dropped_ticker_stops_for_its_clones_too() {
    everywhere(|| {
        let ticker = Ticker::new(ms(1));
        let rx = ticker.receiver().clone();
        assert_eq!(rx.iter().take(3).count(), 3);
        drop(ticker);
        assert_eq!(rx.recv_timeout(ms(20)), Err(RecvTimeoutError::Timeout));
        // A message that nobody has received yet is lost.
        let ticker = Ticker::new(ms(1));
        let rx = ticker.receiver().clone();
        sleep(ms(2));
        assert_eq!(rx.len(), 1);
        drop(ticker);
        assert!(rx.is_empty());
        assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
    });
}

#[test]
fn ticks_stay_in_step_when_some_are_missed() {
    everywhere(|| {
        let period = Duration::from_micros(700);
        let ticker = Ticker::new(period);
        let first = ticker.receiver().recv().unwrap();
        let mut last = first;
        for turn in 0..15 {
            if turn % 3 == 0 {
                sleep(4 * period);
            }
            let before = now();
            let tick = ticker.receiver().recv().unwrap();
            assert!(tick > last && tick <= now());
            let from_first = (tick - first).as_nanos();
            assert_eq!(from_first % period.as_nanos(), 0, "out of step");
            // One at most is kept.
            let next = ticker.receiver().recv().unwrap();
            assert!(next >= before.min(tick) && next > tick);
            assert_eq!((next - first).as_nanos() % period.as_nanos(), 0);
            last = next;
        }
    });
}

#[test]
fn a_late_receiver_gets_one_tick_of_a_ticker() {
    everywhere(|| {
        let (start, period) = (now(), ms(5));
        let ticker = Ticker::new(period);
        let made = now();
        sleep(12 * period);
        let first = ticker.receiver().try_recv().unwrap();
        let taken = now();
        assert!((start + period..=made + period).contains(&first));
        let second = ticker.receiver().recv().unwrap();
        assert!(second > start + 12 * period && second <= taken + period);
    });
}

#[test]
fn a_stopped_ticker_is_silent_until_it_is_reset() {
    everywhere(|| {
        let ticker = Ticker::new(ms(1));
        sleep(ms(3));
        assert_eq!(ticker.receiver().len(), 1);
        ticker.stop();
        ticker.stop();
        let rx = ticker.receiver();
        assert_eq!(rx.len(), 0);
        assert_eq!(rx.recv_timeout(ms(5)), Err(RecvTimeoutError::Timeout));
        assert!(!rx.is_closed());
        let before = now();
        ticker.reset(ms(2));
        let tick = rx.recv().unwrap();
        assert!(tick >= before + ms(2));
        assert!(rx.recv().unwrap() >= tick + ms(2));
        // What it held is lost with a reset, too.
        sleep(ms(5));
        ticker.reset(HOUR);
        assert!(rx.try_recv().is_err());
        // A shorter period wakes those who wait.
        let theirs = rx.clone();
        let waiting = spawn(move || theirs.recv());
        gort::yield_now();
        ticker.reset(ms(1));
        waiting.join().unwrap().unwrap();
    });
}

#[test]
fn a_ticker_refuses_a_period_of_zero() {
    let panic = catch_unwind(|| Ticker::new(Duration::ZERO)).unwrap_err();
    let text = support::message(&*panic);
    assert!(
        text.starts_with("time: non-positive interval for Ticker::new"),
        "{text}"
    );
    let ticker = Ticker::new(HOUR);
    let panic = catch_unwind(|| ticker.reset(Duration::ZERO)).unwrap_err();
    let text = support::message(&*panic);
    assert!(
        text.starts_with("time: non-positive interval for Ticker::reset"),
        "{text}"
    );
    // Nothing has changed.
    assert!(ticker.receiver().is_empty());
    Ticker::new(Duration::MAX).reset(Duration::MAX);
}

#[test]
fn one_ticker_stops_and_starts_under_its_receivers() {
    support::each(|_| {
        let ticker = Arc::new(Ticker::new(Duration::from_micros(20)));
        let (quit_tx, quit) = bounded::<()>(0);
        let group = WaitGroup::new();
        for _ in 0..4 {
            let (ticker, quit) = (Arc::clone(&ticker), quit.clone());
            group.go(move || {
                let mut last = None;
                loop {
                    select! {
                        recv(ticker.receiver()) -> tick => {
                            let tick = tick.ok();
                            assert!(tick > last);
                            last = tick;
                        }
                        recv(quit) -> _ => return,
                    }
                }
            });
        }
        let mut random = Random::new(3);
        for _ in 0..300 {
            ticker.stop();
            assert!(ticker.receiver().try_recv().is_err());
            ticker.reset(Duration::from_micros(1 + random.below(40)));
            sleep_until(now() + Duration::from_micros(random.below(100)));
        }
        quit_tx.close();
        group.wait();
    });
}
