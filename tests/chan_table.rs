//! The table of Go's rules: every state of a channel, every way to use it, and what must happen.
//!
//! | state | receive | send | try, `default`, a timeout |
//! |---|---|---|---|
//! | nil (`never`, `never_sender`) | waits for ever | waits for ever | would wait |
//! | open, empty | waits | passes, if there is room | as there; would wait: `Empty`, `Full`, the `default` arm, `Timeout` |
//! | open, with values | the oldest | passes, if there is room | as there |
//! | open, full | the oldest | waits | as there |
//! | closed, values left | the oldest | fails, gives the value back (Go panics) | as there |
//! | closed, empty | fails | fails, gives the value back | as there |

mod support;

use gort::{
    sleep,
    sync::channel::{
        Receiver, RecvError, RecvTimeoutError, Select, SendError, SendTimeoutError, Sender,
        TryRecvError, TrySendError, bounded, never, never_sender, select, select_biased, unbounded,
    },
    time::now,
};
use std::time::Duration;
use support::party::{explored, spawn, three_ways};

three_ways! {
    every_way_to_receive,
    every_way_to_send,
    those_who_must_wait_do,
    what_a_channel_tells_of_itself,
    the_disconnected_arm_is_ready_beside_one_that_waits,
    nil_arms_are_never_chosen,
}

explored! {
    every_way_to_receive,
    every_way_to_send,
    those_who_must_wait_do,
    what_a_channel_tells_of_itself,
    the_disconnected_arm_is_ready_beside_one_that_waits,
    nil_arms_are_never_chosen,
}

const SHORT: Duration = Duration::from_millis(1);
const LONG: Duration = Duration::from_secs(50);

/// What an operation came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    /// It was done; a receive gives its value.
    Done(i32),
    /// The channel is closed.
    Closed,
    /// It would wait.
    Waits,
}
use Seen::{Closed, Done, Waits};

/// A channel in some state.
struct Row {
    name: String,
    is_nil: bool,
    tx: Sender<i32>,
    rx: Receiver<i32>,
    /// What a receive, and a send of 7, must come to.
    recv: Seen,
    send: Seen,
    len: usize,
    closed: bool,
}

const CAPACITIES: [Option<usize>; 5] = [Some(0), Some(1), Some(3), Some(64), None];

/// All rows of the table, afresh.
fn rows() -> Vec<Row> {
    let mut rows = vec![Row {
        name: "nil".into(),
        is_nil: true,
        tx: never_sender(),
        rx: never(),
        recv: Waits,
        send: Waits,
        len: 0,
        closed: false,
    }];
    for cap in CAPACITIES {
        let most = cap.unwrap_or(70);
        let mut fills = vec![0, most / 2, most];
        fills.dedup();
        for len in fills {
            for closed in [false, true] {
                rows.push(row(cap, len, closed));
            }
        }
    }
    rows
}

fn row(cap: Option<usize>, len: usize, closed: bool) -> Row {
    let (tx, rx) = cap.map_or_else(unbounded, bounded);
    (0..len).for_each(|i| tx.send(100 + i as i32).unwrap());
    if closed {
        tx.close();
    }
    Row {
        name: format!("capacity {cap:?}, {len} values, closed: {closed}"),
        is_nil: false,
        tx,
        rx,
        recv: match (len, closed) {
            (0, false) => Waits,
            (0, true) => Closed,
            _ => Done(100),
        },
        send: match closed {
            true => Closed,
            false if cap == Some(len) => Waits,
            false => Done(7),
        },
        len,
        closed,
    }
}

type Receive = fn(&Receiver<i32>) -> Seen;

fn received(result: Result<i32, RecvError>) -> Seen {
    result.map_or(Closed, Done)
}

/// Those that never wait longer than a moment.
const RECEIVES: &[(&str, Receive)] = &[
    ("try_recv", |rx| match rx.try_recv() {
        Ok(value) => Done(value),
        Err(TryRecvError::Empty) => Waits,
        Err(TryRecvError::Disconnected) => Closed,
    }),
    ("recv_timeout", |rx| timed(rx.recv_timeout(SHORT))),
    ("recv_timeout 0", |rx| {
        timed(rx.recv_timeout(Duration::ZERO))
    }),
    ("recv_deadline", |rx| timed(rx.recv_deadline(now() + SHORT))),
    ("recv_deadline past", |rx| timed(rx.recv_deadline(now()))),
    ("select default", |rx| {
        select! { recv(rx) -> msg => received(msg), default => Waits }
    }),
    ("select timeout", |rx| {
        select! { recv(rx) -> msg => received(msg), default(SHORT) => Waits }
    }),
    ("select timeout 0", |rx| {
        select! { recv(rx) -> msg => received(msg), default(Duration::ZERO) => Waits }
    }),
    ("select_biased default", |rx| {
        select_biased! { recv(rx) -> msg => received(msg), default => Waits }
    }),
    ("try_select", |rx| {
        let mut sel = Select::new();
        sel.recv(rx);
        sel.try_select().map_or(Waits, |op| received(op.recv(rx)))
    }),
    ("select_timeout", |rx| {
        let mut sel = Select::new();
        sel.recv(rx);
        sel.select_timeout(SHORT)
            .map_or(Waits, |op| received(op.recv(rx)))
    }),
    ("select_deadline", |rx| {
        let mut sel = Select::new_biased();
        sel.recv(rx);
        sel.select_deadline(now() + SHORT)
            .map_or(Waits, |op| received(op.recv(rx)))
    }),
    ("try_ready", |rx| {
        let mut sel = Select::new();
        sel.recv(rx);
        sel.try_ready().map_or(Waits, |_| received(rx.recv()))
    }),
    ("ready_timeout", |rx| {
        let mut sel = Select::new();
        sel.recv(rx);
        sel.ready_timeout(SHORT)
            .map_or(Waits, |_| received(rx.recv()))
    }),
    ("ready_deadline", |rx| {
        let mut sel = Select::new();
        sel.recv(rx);
        sel.ready_deadline(now())
            .map_or(Waits, |_| received(rx.recv()))
    }),
];

/// Those that wait until something comes.
const PATIENT_RECEIVES: &[(&str, Receive)] = &[
    ("recv", |rx| received(rx.recv())),
    ("recv_timeout", |rx| timed(rx.recv_timeout(LONG))),
    ("recv_timeout for ever", |rx| {
        timed(rx.recv_timeout(Duration::MAX))
    }),
    ("recv_deadline", |rx| timed(rx.recv_deadline(now() + LONG))),
    ("select", |rx| select! { recv(rx) -> msg => received(msg) }),
    ("select timeout", |rx| {
        select! { recv(rx) -> msg => received(msg), default(LONG) => Waits }
    }),
    ("select twice", |rx| {
        select! { recv(rx) -> msg => received(msg), recv(rx) -> msg => received(msg) }
    }),
    ("Select", |rx| {
        let mut sel = Select::new();
        sel.recv(rx);
        received(sel.select().recv(rx))
    }),
    ("ready", |rx| {
        let mut sel = Select::new();
        sel.recv(rx);
        assert_eq!(sel.ready(), 0);
        received(rx.recv())
    }),
    ("iter", |rx| rx.iter().next().map_or(Closed, Done)),
    ("for", |rx| {
        IntoIterator::into_iter(rx).next().map_or(Closed, Done)
    }),
    ("into_iter", |rx| {
        rx.clone().into_iter().next().map_or(Closed, Done)
    }),
];

fn timed(result: Result<i32, RecvTimeoutError>) -> Seen {
    match result {
        Ok(value) => Done(value),
        Err(RecvTimeoutError::Timeout) => Waits,
        Err(RecvTimeoutError::Disconnected) => Closed,
    }
}

fn every_way_to_receive() {
    for (name, receive) in RECEIVES {
        for row in rows() {
            assert_eq!(receive(&row.rx), row.recv, "{name}: {}", row.name);
        }
    }
    for (name, receive) in PATIENT_RECEIVES {
        for row in rows().into_iter().filter(|row| row.recv != Waits) {
            assert_eq!(receive(&row.rx), row.recv, "{name}: {}", row.name);
        }
    }
    for row in rows() {
        // `try_iter` does not say why it ends.
        let first = row.rx.try_iter().next();
        assert_eq!(
            first.map_or(Waits, Done) == row.recv,
            row.recv != Closed,
            "{}",
            row.name
        );
        assert_eq!(first.is_some(), row.len > 0);
        // A closed channel is drained, in order, and then says so as often as it is asked.
        if row.closed {
            assert!(
                row.rx.iter().eq((100..).take(row.len).skip(1)),
                "{}",
                row.name
            );
            assert_eq!([row.rx.recv(), row.rx.recv()], [Err(RecvError); 2]);
        }
    }
}

type Send = fn(&Sender<i32>, i32) -> Seen;

fn sent(result: Result<(), SendError<i32>>) -> Seen {
    match result {
        Ok(()) => Done(7),
        Err(SendError(7)) => Closed,
        Err(error) => panic!("another value came back: {error:?}"),
    }
}

fn sent_in_time(result: Result<(), SendTimeoutError<i32>>) -> Seen {
    match result {
        Ok(()) => Done(7),
        Err(SendTimeoutError::Timeout(7)) => Waits,
        Err(SendTimeoutError::Disconnected(7)) => Closed,
        Err(error) => panic!("another value came back: {error:?}"),
    }
}

const SENDS: &[(&str, Send)] = &[
    ("try_send", |tx, v| match tx.try_send(v) {
        Ok(()) => Done(7),
        Err(TrySendError::Full(7)) => Waits,
        Err(TrySendError::Disconnected(7)) => Closed,
        Err(error) => panic!("another value came back: {error:?}"),
    }),
    ("send_timeout", |tx, v| {
        sent_in_time(tx.send_timeout(v, SHORT))
    }),
    ("send_timeout 0", |tx, v| {
        sent_in_time(tx.send_timeout(v, Duration::ZERO))
    }),
    ("send_deadline", |tx, v| {
        sent_in_time(tx.send_deadline(v, now() + SHORT))
    }),
    ("send_deadline past", |tx, v| {
        sent_in_time(tx.send_deadline(v, now()))
    }),
    ("select default", |tx, v| {
        select! { send(tx, v) -> res => sent(res), default => Waits }
    }),
    ("select timeout", |tx, v| {
        select! { send(tx, v) -> res => sent(res), default(SHORT) => Waits }
    }),
    ("select_biased default", |tx, v| {
        select_biased! { send(tx, v) -> res => sent(res), default => Waits }
    }),
    ("try_select", |tx, v| {
        let mut sel = Select::new();
        sel.send(tx);
        sel.try_select().map_or(Waits, |op| sent(op.send(tx, v)))
    }),
    ("select_timeout", |tx, v| {
        let mut sel = Select::new();
        sel.send(tx);
        sel.select_timeout(SHORT)
            .map_or(Waits, |op| sent(op.send(tx, v)))
    }),
    ("try_ready", |tx, v| {
        let mut sel = Select::new();
        sel.send(tx);
        sel.try_ready().map_or(Waits, |_| sent(tx.send(v)))
    }),
    ("ready_timeout", |tx, v| {
        let mut sel = Select::new();
        sel.send(tx);
        sel.ready_timeout(SHORT).map_or(Waits, |_| sent(tx.send(v)))
    }),
];

const PATIENT_SENDS: &[(&str, Send)] = &[
    ("send", |tx, v| sent(tx.send(v))),
    ("send_timeout", |tx, v| {
        sent_in_time(tx.send_timeout(v, LONG))
    }),
    ("send_timeout for ever", |tx, v| {
        sent_in_time(tx.send_timeout(v, Duration::MAX))
    }),
    ("send_deadline", |tx, v| {
        sent_in_time(tx.send_deadline(v, now() + LONG))
    }),
    (
        "select",
        |tx, v| select! { send(tx, v) -> res => sent(res) },
    ),
    ("select twice", |tx, v| {
        select! { send(tx, v) -> res => sent(res), send(tx, v) -> res => sent(res) }
    }),
    ("Select", |tx, v| {
        let mut sel = Select::new();
        sel.send(tx);
        sent(sel.select().send(tx, v))
    }),
    ("ready", |tx, v| {
        let mut sel = Select::new();
        sel.send(tx);
        assert_eq!(sel.ready(), 0);
        sent(tx.send(v))
    }),
];

fn every_way_to_send() {
    for (patient, ways) in [(false, SENDS), (true, PATIENT_SENDS)] {
        for (name, send) in ways {
            for row in rows() {
                let tx = &row.tx;
                if patient && row.send == Waits {
                    continue;
                }
                assert_eq!(send(tx, 7), row.send, "{name}: {}", row.name);
                let more = usize::from(row.send == Done(7));
                assert_eq!(tx.len(), row.len + more, "{name}: {}", row.name);
                tx.close();
                if row.is_nil {
                    // Nothing closes it, and nothing comes out of it.
                    assert!(!tx.is_closed() && row.rx.try_recv() == Err(TryRecvError::Empty));
                    continue;
                }
                let kept = (100..).take(row.len).chain([7; 1].into_iter().take(more));
                assert!(row.rx.iter().eq(kept), "{name}: {}", row.name);
            }
        }
    }
}

/// In every cell that says so; and each is woken by a partner, and by a close.
fn those_who_must_wait_do() {
    for closing in [false, true] {
        let waiting = || {
            rows()
                .into_iter()
                .filter(|row| !row.is_nil)
                .map(|row| (row.tx, row.rx, row.recv, row.send, row.name))
        };
        let mut parties = Vec::new();
        for (name, receive) in PATIENT_RECEIVES {
            for (tx, rx, _, _, row) in waiting().filter(|row| row.2 == Waits) {
                let receive = *receive;
                let party = spawn(move || receive(&rx));
                let wake = move || {
                    if closing {
                        tx.close()
                    } else {
                        tx.send(7).unwrap()
                    }
                };
                parties.push((
                    format!("{name}: {row}"),
                    party,
                    Box::new(wake) as Box<dyn Fn()>,
                ));
            }
        }
        for (name, send) in PATIENT_SENDS {
            for (tx, rx, _, _, row) in waiting().filter(|row| row.3 == Waits) {
                let send = *send;
                let party = spawn(move || send(&tx, 7));
                let wake = move || {
                    if closing {
                        rx.close()
                    } else {
                        assert!(rx.recv().is_ok())
                    }
                };
                parties.push((format!("{name}: {row}"), party, Box::new(wake)));
            }
        }
        sleep(Duration::from_millis(20));
        for (name, party, _) in &parties {
            assert!(!party.is_finished(), "{name}");
        }
        let expected = if closing { Closed } else { Done(7) };
        for (name, party, wake) in parties {
            wake();
            assert_eq!(party.join().unwrap(), expected, "{name}");
        }
    }
}

fn what_a_channel_tells_of_itself() {
    for row in rows() {
        let cap = row.rx.capacity();
        assert_eq!(row.rx.len(), row.len, "{}", row.name);
        assert_eq!(row.rx.is_empty(), row.len == 0, "{}", row.name);
        assert_eq!(row.rx.is_full(), cap == Some(row.len), "{}", row.name);
        assert_eq!(row.rx.is_closed(), row.closed, "{}", row.name);
        let tx = row.tx.clone();
        let theirs = (
            tx.capacity(),
            tx.len(),
            tx.is_empty(),
            tx.is_full(),
            tx.is_closed(),
        );
        let ours = (cap, row.len, row.len == 0, cap == Some(row.len), row.closed);
        assert_eq!(theirs, ours, "{}", row.name);
        assert!(tx.same_channel(&row.tx), "{}", row.name);
        assert!(!tx.same_channel(&unbounded().0), "{}", row.name);
    }
}

fn the_disconnected_arm_is_ready_beside_one_that_waits() {
    for row in rows().into_iter().filter(|row| row.recv != Waits) {
        let (_tx, silent) = bounded::<i32>(0);
        let seen = select! {
            recv(silent) -> _ => Waits,
            recv(row.rx) -> msg => received(msg),
            recv(never::<i32>()) -> _ => Waits,
        };
        assert_eq!(seen, row.recv, "{}", row.name);
    }
    for row in rows().into_iter().filter(|row| row.send != Waits) {
        let (_tx, silent) = bounded::<i32>(0);
        let seen = select! {
            recv(silent) -> _ => Waits,
            send(row.tx, 7) -> res => sent(res),
        };
        assert_eq!(seen, row.send, "{}", row.name);
    }
}

fn nil_arms_are_never_chosen() {
    let nil = never::<i32>();
    let nil_sender = never_sender::<i32>();
    let (tx, rx) = bounded(1);
    for i in 0..200 {
        select! {
            send(nil_sender, i) -> _ => unreachable!(),
            send(tx, i) -> res => assert_eq!(res, Ok(())),
            send(nil_sender, i) -> _ => unreachable!(),
        }
        select! {
            recv(nil) -> _ => unreachable!(),
            recv(rx) -> msg => assert_eq!(msg, Ok(i)),
            send(nil_sender, i) -> _ => unreachable!(),
            recv(nil) -> _ => unreachable!(),
        }
    }
    let start = now();
    select! {
        recv(nil) -> _ => unreachable!(),
        send(nil_sender, 1) -> _ => unreachable!(),
        recv(nil) -> _ => unreachable!(),
        default(Duration::from_millis(10)) => {}
    }
    assert!(now() - start >= Duration::from_millis(10));
}

/// As Go's `<-nil` and `select {}`: nothing ends it, not even the end of the runtime.
#[test]
fn nil_waits_for_ever() {
    let waits: [fn(); 8] = [
        || assert!(never_sender().send(1).is_ok()),
        || select! { send(never_sender(), 1) -> _ => unreachable!() },
        || assert!(never_sender().send_timeout(1, Duration::MAX).is_ok()),
        || {
            let nil = never_sender::<i32>();
            let mut sel = Select::new();
            sel.send(&nil);
            sel.ready();
        },
        || assert!(never::<i32>().recv().is_ok()),
        || select! { recv(never::<i32>()) -> _ => unreachable!() },
        || assert!(never::<i32>().iter().next().is_some()),
        || assert!(never::<i32>().recv_timeout(Duration::MAX).is_ok()),
    ];
    let runtime = support::runtime(2);
    let goroutines = waits.map(|wait| runtime.spawn(wait));
    let threads = waits.map(std::thread::spawn);
    std::thread::sleep(Duration::from_millis(50));
    assert!(goroutines.iter().all(|handle| !handle.is_finished()));
    assert!(threads.iter().all(|handle| !handle.is_finished()));
    assert_eq!(runtime.num_goroutines(), 8);
    assert!(runtime.shutdown_timeout(Duration::from_millis(10)).is_err());
}
