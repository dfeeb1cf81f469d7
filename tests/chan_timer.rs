//! Channels that the clock fills: `after`, `at`, `tick`, alone and in selects.

mod support;

use gort::{
    runtime::forbid_yield,
    spawn,
    sync::{
        WaitGroup,
        channel::{
            Receiver, RecvTimeoutError, Select, TryRecvError, after, at, bounded, never, select,
            select_biased, tick, unbounded,
        },
    },
    time::Timer,
};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Barrier,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    thread,
    time::{Duration, Instant},
};

const HOUR: Duration = Duration::from_secs(3600);

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// On a plain thread, and in a goroutine under each number of workers.
fn everywhere(body: impl Fn() + Sync) {
    body();
    support::each(|_| body());
}

/// A timer whose message is there.
fn due() -> Receiver<Instant> {
    at(Instant::now())
}

/// Whether `hits` may come from that many fair choices: within 5 standard deviations.
fn assert_fair(hits: &[usize]) {
    let total: usize = hits.iter().sum();
    let p = 1.0 / hits.len() as f64;
    let (mean, sigma) = (total as f64 * p, (total as f64 * p * (1.0 - p)).sqrt());
    let fair = |&n: &usize| (n as f64 - mean).abs() < 5.0 * sigma;
    assert!(hits.iter().all(fair), "{hits:?}");
}

#[test]
fn after_delivers_one_message_and_then_nothing() {
    everywhere(|| {
        let start = Instant::now();
        let rx = after(ms(5));
        let fired = rx.recv().unwrap();
        assert!(fired >= start + ms(5));
        assert!(fired <= Instant::now());
        assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
        assert_eq!(rx.recv_timeout(ms(10)), Err(RecvTimeoutError::Timeout));
        assert!(!rx.is_closed());
    });
}

#[test]
fn the_message_is_the_instant_at_which_it_was_due() {
    everywhere(|| {
        let when = Instant::now() + ms(3);
        let rx = at(when);
        assert_eq!(rx.recv(), Ok(when));
        assert!(Instant::now() >= when);

        let past = Instant::now();
        gort::sleep(ms(3));
        assert_eq!(at(past).try_recv(), Ok(past));
        assert_eq!(at(past).recv(), Ok(past));
    });
}

#[test]
fn nothing_is_there_before_it_is_due() {
    everywhere(|| {
        for rx in [after(HOUR), at(Instant::now() + HOUR), tick(HOUR)] {
            assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
            assert_eq!(rx.recv_timeout(ms(1)), Err(RecvTimeoutError::Timeout));
            let deadline = Instant::now() + ms(1);
            assert_eq!(rx.recv_deadline(deadline), Err(RecvTimeoutError::Timeout));
            assert!(Instant::now() >= deadline);
            assert_eq!((rx.len(), rx.is_empty(), rx.is_full()), (0, true, false));
            assert_eq!(rx.try_iter().count(), 0);
            select! {
                recv(rx) -> _ => panic!("too early"),
                default => {}
            }
            let mut select = Select::new();
            select.recv(&rx);
            assert!(select.try_select().is_err());
            assert!(select.try_ready().is_err());
            assert!(select.select_timeout(ms(1)).is_err());
            assert!(select.ready_timeout(ms(1)).is_err());
        }
    });
}

#[test]
fn a_message_that_is_due_counts_and_is_there_once() {
    for rx in [due(), after(Duration::ZERO)] {
        assert_eq!(rx.capacity(), Some(1));
        assert_eq!((rx.len(), rx.is_empty(), rx.is_full()), (1, false, true));
        assert_eq!(rx.try_iter().count(), 1);
        assert_eq!(rx.capacity(), Some(1));
        assert_eq!((rx.len(), rx.is_empty(), rx.is_full()), (0, true, false));
    }
    let rx = tick(ms(1));
    thread::sleep(ms(10));
    assert_eq!((rx.len(), rx.capacity()), (1, Some(1)));
    assert!(rx.is_full() && !rx.is_empty());
}

#[test]
fn clones_are_one_channel() {
    for one in [after(HOUR), due(), tick(HOUR)] {
        let two = one.clone();
        assert!(one.same_channel(&two));
        let others = [after(HOUR), at(Instant::now()), tick(HOUR), never()];
        assert!(others.iter().all(|other| !one.same_channel(other)));
    }
    let (one, two) = (due(), due());
    let (three, four) = (one.clone(), two.clone());
    drop(two);
    assert!(one.try_recv().is_ok());
    assert!(three.try_recv().is_err());
    assert!(four.try_recv().is_ok());
}

#[test]
fn nobody_can_close_a_timer() {
    let rx = due();
    rx.close();
    assert!(!rx.is_closed());
    assert!(rx.try_recv().is_ok());
    rx.close();
    assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
    let ticks = tick(ms(1));
    ticks.close();
    assert!(ticks.recv().is_ok());
}

#[test]
fn what_no_instant_can_say_never_comes() {
    everywhere(|| {
        for rx in [after(Duration::MAX), tick(Duration::MAX)] {
            assert!(rx.same_channel(&never()));
            assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
            assert_eq!(rx.recv_timeout(ms(2)), Err(RecvTimeoutError::Timeout));
        }
        // Just within what it can say.
        let far = at(Instant::now() + Duration::from_secs(1 << 40));
        assert_eq!(far.recv_timeout(ms(2)), Err(RecvTimeoutError::Timeout));
        assert_eq!(due().recv_timeout(Duration::MAX).map(drop), Ok(()));
        select! {
            recv(far) -> _ => panic!("too early"),
            recv(after(Duration::MAX)) -> _ => panic!("too early"),
            recv(after(ms(2))) -> _ => {}
        }
    });
}

#[test]
fn a_message_due_at_the_deadline_wins() {
    everywhere(|| {
        for _ in 0..20 {
            let when = Instant::now() + Duration::from_micros(300);
            assert_eq!(at(when).recv_deadline(when), Ok(when));
            let rx = at(when);
            let mut select = Select::new();
            select.recv(&rx);
            let operation = select.select_deadline(when).unwrap();
            assert_eq!(operation.recv(&rx), Ok(when));
        }
    });
}

/// The next tick counts from the last one for those who waited for that, and else from when they
/// came.
#[test]
fn ticks_do_not_drift_for_those_who_wait() {
    everywhere(|| {
        const PERIOD: Duration = Duration::from_millis(5);
        let ticks = tick(PERIOD);
        let mut exact = 0;
        let mut came = Instant::now();
        let mut last = ticks.recv().unwrap();
        for turn in 0..12 {
            let comes = Instant::now();
            let next = if turn % 2 == 0 {
                ticks.recv().unwrap()
            } else {
                select! {
                    recv(ticks) -> tick => tick.unwrap(),
                    recv(after(HOUR)) -> _ => unreachable!(),
                }
            };
            let counted_from = next - PERIOD;
            let late = counted_from >= last && (came..=comes).contains(&counted_from);
            assert!(counted_from == last || late, "{last:?} {next:?} {came:?}");
            exact += usize::from(counted_from == last);
            (came, last) = (comes, next);
        }
        // A busy machine may have been late for some, but hardly for all.
        assert!(exact > 0, "all were counted from their receipt");
    });
}

#[test]
fn a_late_receiver_gets_one_tick_and_the_next_counts_from_there() {
    everywhere(|| {
        let (start, period) = (Instant::now(), ms(5));
        let ticks = tick(period);
        let made = Instant::now();
        gort::sleep(12 * period);
        let before = Instant::now();
        let first = ticks.try_recv().unwrap();
        let after = Instant::now();
        assert!((start + period..=made + period).contains(&first));
        let second = ticks.recv().unwrap();
        assert!((before + period..=after + period).contains(&second));
    });
}

#[test]
fn ticks_without_a_pause_are_always_there() {
    let ticks = tick(Duration::ZERO);
    let mut last = ticks.recv().unwrap();
    for _ in 0..1000 {
        assert_eq!(ticks.len(), 1);
        let next = ticks.try_recv().unwrap();
        assert!(next >= last);
        last = next;
    }
}

#[test]
fn timers_iterate() {
    everywhere(|| {
        let ticks: Vec<_> = tick(ms(1)).iter().take(5).collect();
        assert!(ticks.windows(2).all(|w| w[1] >= w[0] + ms(1)), "{ticks:?}");
        let ticks = tick(ms(1));
        assert_eq!((&ticks).into_iter().take(2).count(), 2);
        assert_eq!(ticks.into_iter().take(2).count(), 2);
        assert_eq!(due().try_iter().count(), 1);
        assert!(due().iter().next().is_some());
    });
}

#[test]
fn an_after_arm_limits_a_select() {
    everywhere(|| {
        let (tx, rx) = unbounded::<i32>();
        let start = Instant::now();
        select! {
            recv(rx) -> _ => panic!("nothing was sent"),
            recv(after(ms(3))) -> fired => assert!(fired.unwrap() >= start + ms(3)),
        }
        assert!(start.elapsed() >= ms(3));
        tx.send(1).unwrap();
        select! {
            recv(rx) -> msg => assert_eq!(msg, Ok(1)),
            recv(after(HOUR)) -> _ => panic!("too early"),
        }
        // Sent while it waits.
        let sender = spawn(move || {
            gort::sleep(ms(2));
            tx.send(2).unwrap();
        });
        select! {
            recv(after(HOUR)) -> _ => panic!("too early"),
            recv(rx) -> msg => assert_eq!(msg, Ok(2)),
        }
        sender.join().unwrap();
        // And to it, as a sender.
        let (tx, rx) = bounded(0);
        let receiver = spawn(move || rx.recv());
        select! {
            send(tx, 3) -> sent => sent.unwrap(),
            recv(after(HOUR)) -> _ => panic!("too early"),
        }
        assert_eq!(receiver.join().unwrap(), Ok(3));
    });
}

#[test]
fn the_earliest_timer_ends_the_wait() {
    everywhere(|| {
        for _ in 0..3 {
            select! {
                recv(after(ms(2))) -> _ => {}
                recv(after(HOUR)) -> _ => panic!("too early"),
            }
            select! {
                recv(tick(HOUR)) -> _ => panic!("too early"),
                recv(at(Instant::now() + ms(2))) -> _ => {}
                recv(never::<()>()) -> _ => unreachable!(),
            }
            select! {
                recv(after(HOUR)) -> _ => panic!("too early"),
                default(ms(2)) => {}
            }
            select! {
                recv(after(ms(2))) -> _ => {}
                default(HOUR) => panic!("too early"),
            }
        }
    });
}

#[test]
fn a_default_loses_against_a_timer_that_is_due() {
    everywhere(|| {
        for _ in 0..50 {
            select! {
                recv(after(Duration::ZERO)) -> _ => {}
                default => panic!("it is due"),
            }
            select! {
                recv(due()) -> _ => {}
                default(Duration::ZERO) => panic!("it is due"),
            }
        }
    });
}

#[test]
fn a_biased_select_takes_the_first_timer_that_is_due() {
    everywhere(|| {
        for _ in 0..50 {
            let (first, second) = (due(), due());
            select_biased! {
                recv(after(HOUR)) -> _ => panic!("too early"),
                recv(first) -> _ => {}
                recv(second) -> _ => panic!("the first is ready, too"),
            }
            let mut select = Select::new_biased();
            select.recv(&first);
            select.recv(&second);
            select.recv(&second);
            assert_eq!(select.ready(), 1);
        }
    });
}

#[test]
fn a_losing_arm_has_consumed_nothing() {
    everywhere(|| {
        for _ in 0..200 {
            let (one, two) = (due(), due());
            let first = select! {
                recv(one) -> _ => true,
                recv(two) -> _ => false,
            };
            assert_eq!((one.len(), two.len()), if first { (0, 1) } else { (1, 0) });

            let (tx, rx) = unbounded();
            let (ticks, once) = (tick(ms(1)), due());
            tx.send(()).unwrap();
            select_biased! {
                recv(rx) -> _ => {}
                recv(ticks) -> _ => unreachable!(),
                recv(once) -> _ => unreachable!(),
            }
            assert_eq!(once.len(), 1);
            let first = ticks.recv().unwrap();
            assert!(first <= Instant::now());
        }
        // Nor one that lost after it had waited.
        let (tx, rx) = unbounded();
        let when = Instant::now() + ms(20);
        let (ticks, once) = (tick(ms(20)), at(when));
        let sender = spawn(move || tx.send(()).unwrap());
        select! {
            recv(rx) -> msg => msg.unwrap(),
            recv(ticks) -> _ => return, // this machine was busy for 20 ms
            recv(once) -> _ => return,
        }
        sender.join().unwrap();
        assert_eq!(once.recv(), Ok(when));
        assert!(ticks.recv().is_ok());
    });
}

#[test]
fn the_choice_among_timers_is_fair() {
    everywhere(|| {
        const TRIALS: usize = 3000;
        let mut hits = [0; 2];
        for _ in 0..TRIALS {
            select! {
                recv(due()) -> _ => hits[0] += 1,
                recv(after(Duration::ZERO)) -> _ => hits[1] += 1,
            }
        }
        assert_fair(&hits);
        let (tx, _rx) = unbounded();
        let mut hits = [0; 3];
        for _ in 0..TRIALS {
            let ticks = tick(Duration::ZERO);
            select! {
                recv(due()) -> _ => hits[0] += 1,
                send(tx, ()) -> _ => hits[1] += 1,
                recv(ticks) -> _ => hits[2] += 1,
            }
        }
        assert_fair(&hits);
        let mut hits = [0; 5];
        for _ in 0..TRIALS {
            let rx = due();
            select! {
                recv(rx) -> _ => hits[0] += 1,
                recv(rx) -> _ => hits[1] += 1,
                recv(rx) -> _ => hits[2] += 1,
                recv(rx) -> _ => hits[3] += 1,
                recv(rx.clone()) -> _ => hits[4] += 1,
            }
            assert!(rx.is_empty());
        }
        assert_fair(&hits);
    });
}

/// Also among timers for which the select has waited.
#[test]
fn the_choice_after_a_wait_is_fair() {
    support::under(&[1, 2], |_| {
        let mut hits = [0; 4];
        for _ in 0..400 {
            let when = Instant::now() + Duration::from_micros(100);
            let (one, two) = (at(when), at(when));
            select! {
                recv(one) -> _ => hits[0] += 1,
                recv(two) -> _ => hits[1] += 1,
                recv(one) -> _ => hits[2] += 1,
                recv(two) -> _ => hits[3] += 1,
            }
        }
        assert_fair(&hits);
    });
}

#[test]
fn ready_says_which_timer_is_due_and_takes_nothing() {
    everywhere(|| {
        let (late, soon, once) = (after(HOUR), after(ms(2)), due());
        let mut select = Select::new();
        select.recv(&late);
        let second = select.recv(&soon);
        assert_eq!(select.ready(), second);
        assert_eq!(select.ready_timeout(HOUR), Ok(second));
        assert!(soon.try_recv().is_ok());
        assert!(select.ready_timeout(ms(1)).is_err());
        let third = select.recv(&once);
        for _ in 0..3 {
            assert_eq!(select.try_ready(), Ok(third));
            assert_eq!(select.ready_deadline(Instant::now()), Ok(third));
        }
        let operation = select.select();
        assert_eq!(operation.index(), third);
        assert!(operation.recv(&once).is_ok());
        assert!(select.try_select().is_err());
    });
}

#[test]
fn a_select_can_be_used_again_and_again() {
    everywhere(|| {
        let ticks = tick(ms(1));
        let mut select = Select::new();
        select.recv(&ticks);
        let mut last = None;
        for _ in 0..5 {
            let tick = select.select().recv(&ticks).ok();
            assert!(tick > last);
            last = tick;
        }
    });
}

/// One gets it; the others wait on, in all forms.
#[test]
fn one_of_many_receivers_gets_the_message() {
    everywhere(|| {
        let rx = after(ms(10));
        let (quit_tx, quit) = bounded::<()>(0);
        let hits = Arc::new(AtomicUsize::new(0));
        let group = WaitGroup::new();
        for i in 0..40 {
            let (rx, quit, hits) = (rx.clone(), quit.clone(), Arc::clone(&hits));
            group.go(move || {
                match i % 4 {
                    0 => select! {
                        recv(rx) -> msg => { msg.unwrap(); }
                        recv(quit) -> _ => return,
                    },
                    1 => {
                        let mut select = Select::new();
                        select.recv(&rx);
                        let quit = select.recv(&quit);
                        loop {
                            if select.ready() == quit {
                                return;
                            }
                            if rx.try_recv().is_ok() {
                                break;
                            }
                        }
                    }
                    2 => {
                        if rx.recv_timeout(ms(60)).is_err() {
                            return;
                        }
                    }
                    _ => select! {
                        recv(rx) -> msg => { msg.unwrap(); }
                        default(ms(60)) => return,
                    },
                }
                hits.fetch_add(1, SeqCst);
            });
        }
        gort::sleep(ms(80));
        quit_tx.close();
        group.wait();
        assert_eq!(hits.load(SeqCst) + rx.len(), 1);
    });
}

#[test]
fn receivers_share_the_ticks_of_a_channel() {
    everywhere(|| {
        const EACH: usize = 10;
        let period = Duration::from_micros(200);
        let ticks = tick(period);
        let handles: Vec<_> = (0..6)
            .map(|i| {
                let ticks = ticks.clone();
                let take = move || match i % 2 {
                    0 => ticks.recv().unwrap(),
                    _ => select! {
                        recv(ticks) -> tick => tick.unwrap(),
                        recv(after(HOUR)) -> _ => unreachable!(),
                    },
                };
                spawn(move || (0..EACH).map(|_| take()).collect::<Vec<_>>())
            })
            .collect();
        let all = handles.into_iter().flat_map(|h| h.join().unwrap());
        let mut all: Vec<_> = all.collect();
        all.sort_unstable();
        assert!(all.windows(2).all(|w| w[1] >= w[0] + period));
        assert_eq!(all.len(), 6 * EACH);
    });
}

#[test]
fn goroutines_and_threads_share_timers() {
    support::each(|_| {
        let timers: Arc<Vec<_>> = Arc::new((0..400).map(|i| after(ms(i / 20))).collect());
        let hits = Arc::new(AtomicUsize::new(0));
        let drain = |timers: &[Receiver<Instant>], hits: &AtomicUsize, by_ready: bool| {
            let timeout = after(ms(100));
            let mut select = Select::new();
            for rx in timers {
                select.recv(rx);
            }
            let last = select.recv(&timeout);
            loop {
                if by_ready {
                    let index = select.ready();
                    if index == last {
                        return;
                    }
                    hits.fetch_add(usize::from(timers[index].try_recv().is_ok()), SeqCst);
                } else {
                    let operation = select.select();
                    let index = operation.index();
                    if index == last {
                        operation.recv(&timeout).unwrap();
                        return;
                    }
                    operation.recv(&timers[index]).unwrap();
                    hits.fetch_add(1, SeqCst);
                }
            }
        };
        let threads: Vec<_> = (0..2)
            .map(|i| {
                let (timers, hits) = (Arc::clone(&timers), Arc::clone(&hits));
                thread::spawn(move || drain(&timers, &hits, i == 0))
            })
            .collect();
        let goroutines: Vec<_> = (0..2)
            .map(|i| {
                let (timers, hits) = (Arc::clone(&timers), Arc::clone(&hits));
                spawn(move || drain(&timers, &hits, i == 0))
            })
            .collect();
        goroutines.into_iter().for_each(|h| h.join().unwrap());
        gort::runtime::blocking(|| threads.into_iter().for_each(|t| t.join().unwrap()));
        let left = timers.iter().filter(|rx| rx.try_recv().is_ok()).count();
        assert_eq!(hits.load(SeqCst) + left, timers.len());
    });
}

#[test]
fn clones_come_and_go_while_it_fires() {
    for i in 0..100 {
        let rx = after(Duration::from_micros(i * 3));
        let hits = AtomicUsize::new(0);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let rx = rx.clone();
                    for _ in 0..50 {
                        hits.fetch_add(usize::from(rx.clone().try_recv().is_ok()), SeqCst);
                        thread::yield_now();
                    }
                });
            }
        });
        let left = rx.recv_timeout(ms(1)).is_ok();
        assert_eq!(hits.load(SeqCst) + usize::from(left), 1);
    }
}

#[test]
fn many_selects_each_with_a_timer() {
    support::each(|_| {
        const EACH: usize = 300;
        let (tx, rx) = bounded(4);
        let senders: Vec<_> = (0..20)
            .map(|_| {
                let tx = tx.clone();
                spawn(move || {
                    for n in 0..EACH {
                        select! {
                            send(tx, n) -> sent => sent.unwrap(),
                            recv(after(HOUR)) -> _ => panic!("too early"),
                        }
                    }
                })
            })
            .collect();
        drop(tx);
        let receivers: Vec<_> = (0..20)
            .map(|_| {
                let rx = rx.clone();
                spawn(move || {
                    let mut count = 0;
                    loop {
                        select! {
                            recv(rx) -> msg => match msg {
                                Ok(_) => count += 1,
                                Err(_) => return count,
                            },
                            recv(after(Duration::from_micros(50))) -> _ => {}
                        }
                    }
                })
            })
            .collect();
        senders.into_iter().for_each(|h| h.join().unwrap());
        let counts = receivers.into_iter().map(|h| h.join().unwrap());
        assert_eq!(counts.sum::<usize>(), 20 * EACH);
    });
}

/// The forbidden wait is refused before anything is published, so the timer works on.
#[test]
fn waiting_is_refused_under_a_guard_and_looking_is_not() {
    everywhere(|| {
        let timer = Timer::new(HOUR);
        let rx = timer.receiver();
        let guard = forbid_yield();
        assert!(due().recv().is_ok());
        assert!(rx.try_recv().is_err());
        let refused = |operation: &dyn Fn()| {
            assert!(catch_unwind(AssertUnwindSafe(operation)).is_err());
        };
        refused(&|| assert!(rx.recv().is_ok()));
        let mut select = Select::new();
        select.recv(rx);
        refused(&|| assert!(select.clone().select().recv(rx).is_ok()));
        refused(&|| assert_eq!(select.clone().ready(), 0));
        drop(guard);
        timer.reset(Duration::ZERO);
        assert!(rx.recv().is_ok());
    });
}

/// Those that wait need a timer each, and give it back.
#[test]
fn ten_thousand_wait_for_timers_of_their_own() {
    support::each(|_| {
        let group = WaitGroup::new();
        let hits = Arc::new(AtomicUsize::new(0));
        for i in 0..10_000 {
            let hits = Arc::clone(&hits);
            group.go(move || {
                let start = Instant::now();
                let delay = Duration::from_micros(i % 97 * 500);
                let fired = select! {
                    recv(after(delay)) -> fired => fired.unwrap(),
                    recv(after(HOUR)) -> _ => panic!("too early"),
                };
                assert!(fired >= start + delay && fired <= Instant::now());
                hits.fetch_add(1, SeqCst);
            });
        }
        group.wait();
        assert_eq!(hits.load(SeqCst), 10_000);
    });
}

#[test]
fn plain_threads_race_for_ticks() {
    let ticks = tick(Duration::from_micros(100));
    let start = Barrier::new(4);
    let taken: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    start.wait();
                    let take = |_| ticks.recv_timeout(HOUR).unwrap();
                    (0..50).map(take).collect::<Vec<_>>()
                })
            })
            .collect();
        let taken = threads.into_iter().flat_map(|t| t.join().unwrap());
        taken.collect()
    });
    let mut distinct = taken.clone();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!(distinct.len(), 200);
}
