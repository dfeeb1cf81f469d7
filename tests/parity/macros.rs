//! `select!` and `select_biased!`: what may be written, what is evaluated when, and how one leaves
//! an arm.
#![allow(
    clippy::match_single_binding,
    clippy::unnecessary_literal_unwrap,
    clippy::never_loop,
    clippy::needless_return,
    reason = "what people write, and what only the macro can tell from it"
)]

use super::{
    channel::{
        Receiver, RecvError, SendError, Sender, bounded, never, select, select_biased, unbounded,
    },
    run,
};
use crate::support::party::spawn;
use std::{
    cell::{Cell, RefCell},
    ops::Deref,
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// A receiver with these values, of which the sender is gone.
fn holding<T>(values: impl IntoIterator<Item = T>) -> Receiver<T> {
    let (tx, rx) = unbounded();
    values.into_iter().for_each(|value| tx.send(value).unwrap());
    rx
}

#[test]
fn forms_of_arms() {
    run(|| {
        let (tx, rx) = bounded(1);
        let (_silent_tx, silent) = bounded::<i32>(0);
        // Blocks, with and without a comma.
        select! {
            recv(silent) -> _ => { unreachable!() }
            send(tx, 1) -> res => { assert_eq!(res, Ok(())) }
        }
        select! {
            recv(silent) -> _ => { unreachable!() },
            recv(rx) -> msg => { assert_eq!(msg, Ok(1)) },
        }
        // Expressions.
        select! {
            send(tx, 2) -> res => res.unwrap(),
            recv(silent) -> _ => unreachable!(),
        };
        select! {
            recv(silent) -> _ => unreachable!(),
            recv(rx) -> msg => assert!(msg.is_ok())
        }
        // Trailing commas in the arguments.
        select! {
            send(tx, 3,) -> _ => {}
            recv(silent,) -> _ => {}
        }
        select! {
            recv(rx,) -> msg => assert_eq!(msg, Ok(3)),
            default() => unreachable!(),
        }
        // Blocks that are expressions of more than one token.
        let six = select! {
            send(tx, 4) -> _ => if true { 6 } else { 7 },
            recv(silent) -> _ => match 1 { _ => 8 },
        };
        assert_eq!(six, 6);
        let seven = select! {
            recv(rx) -> msg => { let one = msg.unwrap() - 3; one + 6 }
            default => 8
        };
        assert_eq!(seven, 7);
        // An arm alone.
        select! { send(tx, 5) -> _ => () }
        select! { recv(rx) -> _ => () };
        select! { default => () }
        select! { default(ms(1)) => {} }
        select! { default(ms(1),) => {}, }
    });
}

#[test]
fn where_default_stands_does_not_matter() {
    run(|| {
        let rx = never::<i32>();
        let first = select! { default => 1, recv(rx) -> _ => 2, recv(rx) -> _ => 3 };
        let middle = select! { recv(rx) -> _ => 2, default => { 1 } recv(rx) -> _ => 3 };
        let last = select! { recv(rx) -> _ => 2, recv(rx) -> _ => 3, default => 1 };
        let timed = select! { default(ms(1)) => 1, recv(rx) -> _ => { 2 } };
        assert_eq!([first, middle, last, timed], [1; 4]);
    });
}

#[test]
fn patterns() {
    run(|| {
        let rx = holding([(1, 'a'), (2, 'b'), (3, 'c'), (4, 'd')]);
        let (Ok((n, c)) | Err((n, c))) = select! { recv(rx) -> msg => msg.map_err(|_| (0, 'x')) };
        assert_eq!((n, c), (1, 'a'));
        select! {
            recv(rx) -> mut msg => {
                if let Ok((n, _)) = &mut msg { *n += 1 }
                assert_eq!(msg, Ok((3, 'b')))
            }
        }
        select! { recv(rx) -> ref msg => assert_eq!(msg.unwrap().0, 3) }
        select! { recv(rx) -> whole @ (Ok(_) | Err(_)) => assert!(whole.is_ok()) }
        select! { recv(rx) -> _end => assert_eq!(_end, Err(RecvError)) }
    });
}

#[test]
fn ways_to_name_a_channel() {
    run(|| {
        let (tx, rx) = unbounded::<u8>();
        struct Holder {
            ends: (Sender<u8>, Receiver<u8>),
        }
        let holder = Holder { ends: (tx.clone(), rx.clone()) };
        let boxed = Box::new(rx.clone());
        let shared = Arc::new(tx.clone());
        let cell = RefCell::new(rx.clone());
        let list = [rx.clone()];
        let make = || rx.clone();
        select! { send(&tx, 0) -> res => res.unwrap() }
        select! { send(&&tx, 1) -> res => res.unwrap() }
        select! { send(holder.ends.0, 2) -> res => res.unwrap() }
        select! { send(*shared, 3) -> res => res.unwrap() }
        select! { send(shared.deref(), 4) -> res => res.unwrap() }
        select! { send(tx.clone(), 5) -> res => res.unwrap() }
        select! { recv(&rx) -> msg => assert_eq!(msg, Ok(0)) }
        select! { recv(holder.ends.1) -> msg => assert_eq!(msg, Ok(1)) }
        select! { recv(boxed) -> msg => assert_eq!(msg, Ok(2)) }
        select! { recv(cell.borrow()) -> msg => assert_eq!(msg, Ok(3)) }
        select! { recv(list[0]) -> msg => assert_eq!(msg, Ok(4)) }
        select! { recv(make()) -> msg => assert_eq!(msg, Ok(5)) }
        assert!(cell.try_borrow_mut().is_ok());
        let off: Option<&Receiver<u8>> = None;
        select! { recv(off.unwrap_or(&never())) -> _ => unreachable!(), default => {} }
        select! {
            recv(if rx.is_empty() { const { &never() } } else { &rx }) -> _ => unreachable!(),
            default => {}
        }
    });
}

/// Notes its drop.
struct Noted<'a, T>(T, &'a RefCell<Vec<String>>, &'static str);

impl<T> Deref for Noted<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> Drop for Noted<'_, T> {
    fn drop(&mut self) {
        self.1.borrow_mut().push(format!("drop {}", self.2));
    }
}

#[test]
fn what_is_evaluated_when() {
    run(|| {
        let log = RefCell::new(Vec::new());
        let note = |what: &str| log.borrow_mut().push(what.to_owned());
        let (tx, rx) = bounded(1);
        let silent = never::<i32>();
        let noted = |name| {
            note(name);
            Noted(&silent, &log, name)
        };
        let sender = |name| {
            note(name);
            &tx
        };
        // Channels once, in order, also of arms that are not chosen; a message only if it is sent;
        // temporaries live as long as the arm.
        select! {
            recv(*noted("a")) -> _ => note("no"),
            send(sender("b"), { note("message"); 1 }) -> res => { res.unwrap(); note("arm") }
            recv(*noted("c")) -> _ => note("no"),
        }
        note("after");
        let expected = ["a", "b", "c", "message", "arm", "drop c", "drop a", "after"];
        assert_eq!(log.take(), expected);
        assert_eq!(rx.recv(), Ok(1));
        // However many there are.
        select! {
            recv(*noted("a")) -> _ => note("no"),
            recv(*noted("b")) -> _ => note("no"),
            recv(*noted("c")) -> _ => note("no"),
            send(sender("d"), { note("message"); 1 }) -> res => { res.unwrap(); note("arm") }
            recv(*noted("e")) -> _ => note("no"),
            recv(*noted("f")) -> _ => note("no"),
        }
        let trace = log.take().join(" ");
        assert_eq!(trace, "a b c d e f message arm drop f drop e drop c drop b drop a");
        assert_eq!(rx.recv(), Ok(1));
        // The message of an arm that loses is not made.
        tx.send(5).unwrap();
        select! {
            send(sender("b"), { note("message"); 1 }) -> _ => note("no"),
            recv(rx) -> msg => assert_eq!(msg, Ok(5)),
        }
        assert_eq!(log.take(), ["b"]);
        // Nor is it with a default; the limit is asked for once.
        tx.send(6).unwrap();
        select! {
            recv(*noted("a")) -> _ => note("no"),
            send(tx, { note("message"); 1 }) -> _ => note("no"),
            default({ note("limit"); ms(1) }) => note("default"),
        }
        let trace = log.take();
        assert_eq!(trace.iter().filter(|what| *what == "limit").count(), 1);
        assert!(!trace.iter().any(|what| what == "message" || what == "no"));
        assert_eq!(trace.iter().filter(|what| *what == "default").count(), 1);
    });
}

#[test]
fn a_message_that_is_refused_comes_back() {
    run(|| {
        let (tx, rx) = bounded::<Rc<i32>>(0);
        drop(rx);
        let value = Rc::new(1);
        let back = select! { send(tx, value.clone()) -> res => res.unwrap_err().into_inner() };
        assert!(Rc::ptr_eq(&value, &back));
        assert_eq!(select! { send(tx, back) -> res => res }, Err(SendError(value)));
    });
}

#[test]
fn moves_into_arms() {
    run(|| {
        // A value may be moved in each arm: one alone is run.
        let (tx, rx) = bounded(0);
        let text = String::from("text");
        let kept = select! {
            recv(rx) -> _ => text,
            send(tx, 1) -> _ => text,
            default => text,
        };
        assert_eq!(kept, "text");
        // Nor is the message moved unless it is sent.
        let message = String::from("message");
        let (tx, _rx) = bounded(0);
        select! {
            send(tx, message) -> _ => unreachable!(),
            default => {}
        }
    });
}

#[test]
fn ways_out_of_an_arm() {
    fn returns(rx: &Receiver<i32>) -> i32 {
        select! {
            recv(rx) -> msg => return msg.unwrap(),
            default => {}
        }
        -1
    }
    fn asks(rx: &Receiver<i32>) -> Result<i32, RecvError> {
        let n = select! {
            recv(rx) -> msg => msg?,
            default(ms(1)) => 0,
        };
        Ok(n + 1)
    }
    fn asks_for_the_message(tx: &Sender<i32>, n: Option<i32>) -> Option<()> {
        select! {
            send(tx, n?) -> res => res.ok(),
        }
    }
    run(|| {
        let rx = holding([1]);
        assert_eq!(returns(&rx), 1);
        assert_eq!(returns(&never()), -1);
        let rx = holding([1]);
        assert_eq!((asks(&rx), asks(&rx), asks(&never())), (Ok(2), Err(RecvError), Ok(1)));

        let rx = holding(0..10);
        let mut seen = Vec::new();
        'outer: loop {
            loop {
                select! {
                    recv(rx) -> msg => match msg {
                        Ok(n) if n % 2 == 1 => continue,
                        Ok(8) => break 'outer,
                        Ok(4) => continue 'outer,
                        Ok(n) => seen.push(n),
                        Err(_) => unreachable!(),
                    }
                }
            }
        }
        assert_eq!(seen, [0, 2, 6]);
        let found = loop {
            select! { recv(rx) -> msg => break msg, default => break Ok(0) }
        };
        assert_eq!(found, Ok(9));

        let (tx, rx) = bounded(1);
        assert_eq!(asks_for_the_message(&tx, Some(1)), Some(()));
        assert_eq!(rx.recv(), Ok(1));
    });
}

#[test]
fn nested() {
    run(|| {
        let (tx, rx) = bounded(2);
        let (tx2, rx2) = bounded(2);
        select! {
            send(tx, 1) -> res => {
                res.unwrap();
                select! {
                    recv(rx) -> msg => select! {
                        send(tx2, msg.unwrap() + 1) -> res => res.unwrap(),
                        recv(rx) -> _ => unreachable!(),
                    },
                    recv(rx2) -> _ => unreachable!(),
                }
            }
            recv(rx2) -> _ => unreachable!(),
        }
        assert_eq!(rx2.recv(), Ok(2));
        // In a message, in a channel's expression, in a limit.
        select! {
            send(
                select! { default => &tx },
                select! { recv(rx2) -> _ => 1, default => 7 }
            ) -> res => res.unwrap(),
            default(select! { default => ms(1) }) => unreachable!(),
        }
        assert_eq!(rx.recv(), Ok(7));
    });
}

#[test]
fn names_do_not_clash() {
    run(|| {
        // What the expansion may call its own things.
        let (sel, oper, index, operation, channel, r, s, res, msg) = (1, 2, 3, 4, 5, 6, 7, 8, 9);
        let rx = holding([10]);
        let sum = select! {
            recv(rx) -> got => {
                got.unwrap() + sel + oper + index + operation + channel + r + s + res + msg
            }
            recv(never::<i32>()) -> _ => sel,
        };
        assert_eq!(sum, 55);
        #[allow(dead_code)]
        enum Option {
            None,
        }
        #[allow(dead_code, non_snake_case)]
        fn Some() {}
        assert_eq!(select! { recv(never::<i32>()) -> _ => 1, default => 2 }, 2);
    });
}

#[test]
fn the_type_of_a_select() {
    run(|| {
        let rx = holding([1, 2]);
        let unit: () = select! { recv(rx) -> _ => {} };
        let () = unit;
        let never_returns: Result<i32, String> = (|| {
            select! { recv(rx) -> msg => return Ok(msg.unwrap()) }
        })();
        assert_eq!(never_returns, Ok(2));
        fn in_tail_position(rx: &Receiver<i32>) -> Option<i32> {
            select! { recv(rx) -> msg => msg.ok() }
        }
        assert_eq!(in_tail_position(&rx), None);
    });
}

#[test]
fn timeouts() {
    run(|| {
        let (_tx, rx) = bounded::<i32>(0);
        let start = Instant::now();
        assert_eq!(select! { recv(rx) -> _ => 1, default(ms(20)) => 2 }, 2);
        assert!(start.elapsed() >= ms(20));
        // Zero: at once, but what is ready is taken.
        assert_eq!(select! { recv(rx) -> _ => 1, default(Duration::ZERO) => 2 }, 2);
        let got = select! { recv(holding([3])) -> msg => msg, default(Duration::ZERO) => Ok(2) };
        assert_eq!(got, Ok(3));
        // The longest of all.
        let got = select! { recv(holding([3])) -> msg => msg, default(Duration::MAX) => Ok(2) };
        assert_eq!(got, Ok(3));
        let (tx, rx) = bounded(0);
        let sender = spawn(move || tx.send(4).unwrap());
        assert_eq!(select! { recv(rx) -> msg => msg, default(Duration::MAX) => Ok(2) }, Ok(4));
        sender.join().unwrap();
    });
}

#[test]
fn the_first_ready_arm_of_a_biased_one() {
    run(|| {
        let (tx, rx) = unbounded();
        let (tx2, rx2) = unbounded();
        let mut order = String::new();
        for _ in 0..20 {
            tx.send('a').unwrap();
            tx2.send('b').unwrap();
        }
        loop {
            select_biased! {
                recv(rx2) -> msg => order.push(msg.unwrap()),
                recv(rx) -> msg => order.push(msg.unwrap()),
                default => break,
            }
        }
        assert_eq!(order, ["b".repeat(20), "a".repeat(20)].concat());
        let hits = Cell::new(0);
        for _ in 0..50 {
            select_biased! {
                recv(never::<()>()) -> _ => {}
                send(tx, 'c') -> _ => hits.set(hits.get() + 1),
                send(tx, 'd') -> _ => {},
                default(ms(1)) => {}
            }
        }
        assert_eq!(hits.get(), 50);
        assert!(rx.try_iter().all(|c| c == 'c'));
    });
}

#[test]
fn many_arms() {
    run(|| {
        let ends: Vec<_> = (0..16).map(|_| unbounded()).collect();
        let rx = |i: usize| &ends[i].1;
        for i in 0..160 {
            ends[i * 7 % 16].0.send(i).unwrap();
            let got = select! {
                recv(rx(0)) -> msg => (0, msg), recv(rx(1)) -> msg => (1, msg),
                recv(rx(2)) -> msg => (2, msg), recv(rx(3)) -> msg => (3, msg),
                recv(rx(4)) -> msg => (4, msg), recv(rx(5)) -> msg => (5, msg),
                recv(rx(6)) -> msg => (6, msg), recv(rx(7)) -> msg => (7, msg),
                recv(rx(8)) -> msg => (8, msg), recv(rx(9)) -> msg => (9, msg),
                recv(rx(10)) -> msg => (10, msg), recv(rx(11)) -> msg => (11, msg),
                recv(rx(12)) -> msg => (12, msg), recv(rx(13)) -> msg => (13, msg),
                recv(rx(14)) -> msg => (14, msg), recv(rx(15)) -> msg => (15, msg),
            };
            assert_eq!(got, (i * 7 % 16, Ok(i)));
        }
    });
}

#[test]
fn the_same_channel_twice_and_both_ways() {
    run(|| {
        let (tx, rx) = bounded(1);
        for i in 0..100 {
            let sent = select! {
                send(tx, i) -> res => { res.unwrap(); true }
                recv(rx) -> msg => { assert_eq!(msg, Ok(i - 1)); false }
                recv(rx) -> msg => { assert_eq!(msg, Ok(i - 1)); false }
            };
            assert_eq!(sent, i % 2 == 0);
        }
        // Never with itself.
        let (tx, rx) = bounded(0);
        let met = select! {
            send(tx, 1) -> _ => true,
            recv(rx) -> _ => true,
            default(ms(5)) => false,
        };
        assert!(!met);
    });
}
