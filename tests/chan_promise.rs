//! A `select!` makes the message of its `send` arm once that arm has been chosen. On a channel of
//! capacity 0 a receiver waits for it meanwhile, but nobody longer than he may.

mod support;

use gort::{
    runtime::forbid_yield,
    sleep,
    sync::channel::{
        Receiver, RecvTimeoutError, Select, SelectedOperation, SendError, Sender, TryRecvError,
        after, bounded, never, never_sender, select, select_biased,
    },
};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};
use support::{
    PATIENCE, Watchdog,
    party::{Party, explored, spawn, three_ways},
};

three_ways! {
    who_looks_waits_no_longer_than_he_may,
    who_is_parked_waits_no_longer_than_he_may,
    a_message_that_needs_what_its_receiver_holds,
    under_a_guard_nobody_is_promised_anything,
    what_no_receiver_waits_for_any_more_goes_to_the_next,
    what_no_receiver_waits_for_any_more_is_kept_until_the_end,
    a_message_for_a_closed_channel_comes_back,
    a_broken_promise_leaves_nothing,
    those_with_limits_meet,
}

explored! {
    who_looks_waits_no_longer_than_he_may,
    who_is_parked_waits_no_longer_than_he_may,
    a_message_that_needs_what_its_receiver_holds,
    under_a_guard_nobody_is_promised_anything,
    what_no_receiver_waits_for_any_more_goes_to_the_next,
    what_no_receiver_waits_for_any_more_is_kept_until_the_end,
    a_message_for_a_closed_channel_comes_back,
    a_broken_promise_leaves_nothing,
    those_with_limits_meet,
}

const SHORT: Duration = Duration::from_millis(1);
const LONG: Duration = Duration::from_secs(50);

/// For the parties that are threads, too.
fn watch() -> Watchdog {
    Watchdog::with(PATIENCE, "promises", || String::from("no dump\n"))
}

type Receive = fn(&Receiver<i32>) -> Option<i32>;

/// All that give up, at once or after a moment.
const LIMITED: &[(&str, Receive)] = &[
    ("try_recv", |rx| rx.try_recv().ok()),
    ("try_iter", |rx| rx.try_iter().next()),
    ("recv_timeout", |rx| rx.recv_timeout(SHORT).ok()),
    ("recv_timeout 0", |rx| rx.recv_timeout(Duration::ZERO).ok()),
    ("recv_deadline", |rx| {
        rx.recv_deadline(Instant::now() + SHORT).ok()
    }),
    ("select default", |rx| {
        select! { recv(rx) -> msg => msg.ok(), default => None }
    }),
    ("select timeout", |rx| {
        select! { recv(rx) -> msg => msg.ok(), default(SHORT) => None }
    }),
    ("select after", |rx| {
        select! { recv(rx) -> msg => msg.ok(), recv(after(SHORT)) -> _ => None }
    }),
    ("select after, default", |rx| {
        select_biased! {
            recv(rx) -> msg => msg.ok(),
            recv(after(LONG)) -> _ => None,
            default(SHORT) => None,
        }
    }),
    ("try_select", |rx| {
        let mut sel = Select::new();
        sel.recv(rx);
        sel.try_select().ok().and_then(|op| op.recv(rx).ok())
    }),
    ("select_timeout", |rx| {
        let mut sel = Select::new();
        sel.recv(rx);
        let selected = sel.select_timeout(SHORT);
        selected.ok().and_then(|op| op.recv(rx).ok())
    }),
];

/// A `select!` whose message is made when it is told.
struct Slow {
    party: Party<Result<(), SendError<i32>>>,
    /// The message is being made.
    is_making: Arc<AtomicBool>,
    make: Sender<()>,
}

impl Slow {
    fn new(tx: Sender<i32>, message: i32) -> Self {
        let (make, told) = bounded(0);
        let is_making = Arc::new(AtomicBool::new(false));
        let begun = is_making.clone();
        let party = spawn(move || {
            let make_message = || {
                begun.store(true, SeqCst);
                told.recv().unwrap();
                message
            };
            select! {
                send(tx, make_message()) -> res => res,
                recv(never::<()>()) -> _ => unreachable!(),
            }
        });
        Self {
            party,
            is_making,
            make,
        }
    }

    fn is_making(&self) -> bool {
        self.is_making.load(SeqCst)
    }

    /// Lets the message be made; what became of it.
    fn finish(self) -> Result<(), SendError<i32>> {
        self.make.send(()).unwrap();
        self.party.join().unwrap()
    }
}

/// Waits until a `select!` waits to send.
fn await_offer(rx: &Receiver<i32>) {
    let mut sel = Select::new();
    sel.recv(rx);
    assert_eq!(sel.ready(), 0);
}

fn who_looks_waits_no_longer_than_he_may() {
    let _watchdog = watch();
    for (name, receive) in LIMITED {
        let (tx, rx) = bounded(0);
        let slow = Slow::new(tx, 7);
        // Each of these calls returns, though the message is not made before they have.
        while !slow.is_making() {
            assert_eq!(receive(&rx), None, "{name}");
        }
        assert_eq!(receive(&rx), None, "{name}");
        assert_eq!(slow.finish(), Ok(()), "{name}");
        assert_eq!(rx.recv(), Ok(7), "{name}");
    }
}

fn who_is_parked_waits_no_longer_than_he_may() {
    let _watchdog = watch();
    let parking = LIMITED.iter().filter(|(name, _)| {
        let at_once = [
            "try_recv",
            "try_iter",
            "recv_timeout 0",
            "select default",
            "try_select",
        ];
        !at_once.contains(name)
    });
    for (name, receive) in parking {
        let (tx, rx) = bounded(0);
        let is_chosen = Arc::new(AtomicBool::new(false));
        let (theirs, chosen) = (rx.clone(), is_chosen.clone());
        let party = spawn(move || {
            while !chosen.load(SeqCst) {
                assert_eq!(receive(&theirs), None, "{name}");
            }
        });
        let mut sel = Select::new();
        sel.send(&tx);
        let operation = sel.select();
        is_chosen.store(true, SeqCst);
        // Though the message is not made before it has returned.
        party.join().unwrap();
        assert_eq!(operation.send(&tx, 7), Ok(()), "{name}");
        assert_eq!(rx.recv(), Ok(7), "{name}");
    }
}

fn a_message_that_needs_what_its_receiver_holds() {
    let _watchdog = watch();
    for (name, receive) in LIMITED {
        let (tx, rx) = bounded(0);
        let lock = Arc::new(gort::sync::Mutex::new(7));
        let guard = lock.lock();
        let is_making = Arc::new(AtomicBool::new(false));
        let (theirs, begun) = (lock.clone(), is_making.clone());
        let party = spawn(move || {
            select! {
                send(tx, { begun.store(true, SeqCst); *theirs.lock() }) -> res => res,
                recv(never::<()>()) -> _ => unreachable!(),
            }
        });
        while !is_making.load(SeqCst) {
            assert_eq!(receive(&rx), None, "{name}");
        }
        drop(guard);
        assert_eq!(rx.recv(), Ok(7), "{name}");
        assert_eq!(party.join().unwrap(), Ok(()), "{name}");
    }
}

fn under_a_guard_nobody_is_promised_anything() {
    let _watchdog = watch();
    let (tx, rx) = bounded(0);
    let slow = Slow::new(tx.clone(), 7);
    await_offer(&rx);
    for _ in 0..3 {
        let guard = forbid_yield();
        assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
        select! { recv(rx) -> _ => unreachable!(), default => {} }
        let mut sel = Select::new();
        sel.recv(&rx);
        assert!(sel.try_select().is_err());
        assert!(sel.try_ready().is_err());
        // These would have to wait.
        let refused = [
            catch_unwind(AssertUnwindSafe(|| rx.recv().is_ok())),
            catch_unwind(AssertUnwindSafe(|| rx.recv_timeout(SHORT).is_ok())),
            catch_unwind(AssertUnwindSafe(
                || select! { recv(rx) -> msg => msg.is_ok() },
            )),
            catch_unwind(|| never::<i32>().recv().is_ok()),
            catch_unwind(|| never_sender().send(1).is_ok()),
        ];
        assert!(refused.iter().all(Result::is_err));
        drop(guard);
    }
    assert!(!slow.is_making());
    // A partner behind it that has its value is met.
    let sender = spawn(move || tx.send(8));
    let received = || {
        let _guard = forbid_yield();
        rx.try_recv()
    };
    let mut got = received();
    while got.is_err() {
        sleep(SHORT);
        got = received();
    }
    assert_eq!(got, Ok(8));
    assert_eq!(sender.join().unwrap(), Ok(()));
    assert!(!slow.is_making());
    let receiver = spawn(move || rx.recv());
    assert_eq!(slow.finish(), Ok(()));
    assert_eq!(receiver.join().unwrap(), Ok(7));
}

/// Calls `then` with a chosen send whose receiver has left, and with another receiver.
fn left_alone(then: impl FnOnce(&Sender<i32>, Receiver<i32>, SelectedOperation<'_>)) {
    let (tx, rx) = bounded(0);
    let is_chosen = Arc::new(AtomicBool::new(false));
    let (theirs, chosen) = (rx.clone(), is_chosen.clone());
    let party = spawn(move || {
        while !chosen.load(SeqCst) {
            assert_eq!(theirs.recv_timeout(SHORT), Err(RecvTimeoutError::Timeout));
        }
    });
    let mut sel = Select::new();
    sel.send(&tx);
    let operation = sel.select();
    is_chosen.store(true, SeqCst);
    party.join().unwrap();
    then(&tx, rx, operation);
}

fn what_no_receiver_waits_for_any_more_goes_to_the_next() {
    let _watchdog = watch();
    // One that waits by now, in whatever way; it may be that it comes after the message.
    let waits: [Receive; 4] = [
        |rx| rx.recv().ok(),
        |rx| rx.recv_timeout(LONG).ok(),
        |rx| select! { recv(rx) -> msg => msg.ok(), recv(never::<()>()) -> _ => None },
        |rx| {
            await_offer(rx);
            rx.try_recv().ok()
        },
    ];
    for wait in waits {
        left_alone(|tx, rx, operation| {
            let next = spawn(move || wait(&rx));
            sleep(SHORT);
            assert_eq!(operation.send(tx, 7), Ok(()));
            assert_eq!(next.join().unwrap(), Some(7));
        });
    }
}

fn what_no_receiver_waits_for_any_more_is_kept_until_the_end() {
    let _watchdog = watch();
    left_alone(|tx, rx, operation| {
        assert_eq!(operation.send(tx, 7), Ok(()));
        // Of a channel of capacity 0 nothing else can be told.
        assert_eq!((tx.len(), rx.len()), (0, 0));
        assert!(rx.is_empty() && rx.is_full() && tx.is_full());
        assert!(tx.try_send(8).is_err());
        await_offer(&rx);
        tx.close();
        assert_eq!(rx.try_recv(), Ok(7));
        assert_eq!(rx.try_recv(), Err(TryRecvError::Disconnected));
    });
}

fn a_message_for_a_closed_channel_comes_back() {
    let _watchdog = watch();
    left_alone(|tx, rx, operation| {
        drop(rx);
        assert_eq!(operation.send(tx, 7), Err(SendError(7)));
    });
    // But a receiver that waits has been promised it.
    let (tx, rx) = bounded(0);
    let slow = Slow::new(tx.clone(), 7);
    let receiver = spawn(move || rx.recv());
    while !slow.is_making() {
        sleep(SHORT);
    }
    tx.close();
    assert_eq!(slow.finish(), Ok(()));
    assert_eq!(receiver.join().unwrap(), Ok(7));
}

fn a_broken_promise_leaves_nothing() {
    let _watchdog = watch();
    left_alone(|tx, rx, operation| {
        assert!(catch_unwind(AssertUnwindSafe(|| drop(operation))).is_err());
        assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
        assert!(tx.try_send(1).is_err());
        let sender = tx.clone();
        let sender = spawn(move || sender.send(2));
        assert_eq!(rx.recv(), Ok(2));
        assert_eq!(sender.join().unwrap(), Ok(()));
    });
}

/// Every message arrives once and in order, whoever gives up meanwhile.
fn those_with_limits_meet() {
    let _watchdog = watch();
    for (name, receive) in LIMITED {
        let (tx, rx) = bounded(0);
        let sender = spawn(move || {
            let mut next = 0;
            while next < 30 {
                let made = || next;
                let is_sent = select! {
                    send(tx, made()) -> res => res.is_ok(),
                    recv(never::<()>()) -> _ => false,
                    default(SHORT) => false,
                };
                next += i32::from(is_sent);
            }
        });
        let mut expected = 0;
        while expected < 30 {
            match receive(&rx) {
                Some(message) => {
                    assert_eq!(message, expected, "{name}");
                    expected += 1;
                }
                None => gort::yield_now(),
            }
        }
        sender.join().unwrap();
    }
}
