//! The select engine, all of it the real code: who wins it, what becomes of its other arms, and of
//! the party that it was not chosen for.
//!
//! Which of several ready arms is chosen is the same in each run, as loom requires; the arms have
//! an order of their own in that choice, which is not that of the channels.
//!
//! Tried, and reported: the token set by a load and a store; a claim by a waker that has not won; a
//! watcher that is woken by such a one; nodes that are won and stay in their list; the locks left
//! between the looks and the links; no withdrawal, or one without the locks; an unpark that is not
//! consumed.

use crate::{
    runtime::models::check,
    sync::{
        channel::{
            chan::Refused,
            core::Wait,
            select::{Choice, watch},
        },
        models::channels::{Selected, channels, left_in, recv, recv_arm, select, send, soon},
    },
};
use loom::thread;
use std::sync::Arc;

/// A select with two receiving arms, and a sender for each: one of them gives its value, that of
/// the other comes with the next select.
fn two_arms_and_two_senders(capacity: usize) {
    check(move || {
        let channels = channels([capacity; 2]);
        let senders = [0, 1].map(|at| {
            let theirs = Arc::clone(&channels);
            thread::spawn(move || send(&theirs[at], 10 + at as u32, Wait::Forever))
        });
        let mut received = [(); 2].map(|()| {
            let arms = [(&channels[0], None), (&channels[1], None)];
            let Selected::Received(at, Some(number)) = select(arms, Wait::Forever) else {
                panic!("nobody closes, and no time is up");
            };
            assert_eq!(number, 10 + at as u32);
            number
        });
        received.sort_unstable();
        assert_eq!(received, [10, 11]);
        senders
            .into_iter()
            .for_each(|sender| assert_eq!(sender.join().unwrap(), Ok(())));
        assert_eq!([left_in(&channels[0]), left_in(&channels[1])], [[], []]);
    });
}

#[test]
fn one_arm_wins_and_the_other_sender_keeps_its_value() {
    two_arms_and_two_senders(0);
}

#[test]
fn one_arm_wins_and_the_other_buffer_keeps_its_value() {
    two_arms_and_two_senders(1);
}

/// The party whose arm was not chosen may leave: its value stays with it.
#[test]
fn a_sender_that_has_lost_the_select_leaves_with_its_value() {
    check(|| {
        let channels = channels([0; 2]);
        let senders = [0, 1].map(|at| {
            let theirs = Arc::clone(&channels);
            thread::spawn(move || send(&theirs[at], 10 + at as u32, soon()))
        });
        let arms = [(&channels[0], None), (&channels[1], None)];
        let chosen = select(arms, soon());
        let sent = senders.map(|sender| sender.join().unwrap());
        for (at, sent) in sent.into_iter().enumerate() {
            let is_chosen = chosen == Selected::Received(at, Some(10 + at as u32));
            assert_eq!(sent.is_ok(), is_chosen);
        }
        assert_eq!([left_in(&channels[0]), left_in(&channels[1])], [[], []]);
    });
}

/// Two selects that could meet on either of two channels meet on one of them.
fn two_selects(capacity: usize) {
    check(move || {
        let channels = channels([capacity; 2]);
        let theirs = Arc::clone(&channels);
        let other = thread::spawn(move || {
            let arms = [(&theirs[0], None), (&theirs[1], Some(21))];
            select(arms, Wait::Forever)
        });
        let arms = [(&channels[0], Some(20)), (&channels[1], None)];
        let here = select(arms, Wait::Forever);
        let there = other.join().unwrap();
        let met = [
            (Selected::Sent(0, true), Selected::Received(0, Some(20))),
            (Selected::Received(1, Some(21)), Selected::Sent(1, true)),
        ];
        let left = [left_in(&channels[0]), left_in(&channels[1])];
        if capacity > 0 && !met.contains(&(here, there)) {
            // Each has put its value into a buffer.
            assert_eq!((here, there), (met[0].0, met[1].1));
            assert_eq!(left, [[20], [21]]);
        } else {
            assert!(met.contains(&(here, there)), "{here:?}, {there:?}");
            assert_eq!(left, [[], []]);
        }
    });
}

#[test]
fn two_selects_meet_on_one_channel() {
    two_selects(0);
}

#[test]
fn two_selects_with_buffers_agree() {
    two_selects(1);
}

/// Two selects that may both leave: they have met, or neither has done anything.
#[test]
fn two_selects_that_may_leave_agree() {
    check(|| {
        let channels = channels([0; 2]);
        let theirs = Arc::clone(&channels);
        let other = thread::spawn(move || select([(&theirs[1], None), (&theirs[0], None)], soon()));
        let here = select([(&channels[0], Some(20))], soon());
        let there = other.join().unwrap();
        let left = left_in(&channels[0]);
        match (here, there) {
            (Selected::Nothing, Selected::Nothing) => assert_eq!(left, []),
            (Selected::Sent(0, true), Selected::Received(1, Some(20))) => assert_eq!(left, []),
            // It left after it had been promised the value, which then stays.
            (Selected::Sent(0, true), Selected::Nothing) => assert_eq!(left, [20]),
            other => panic!("{other:?}"),
        }
        assert_eq!(left_in(&channels[1]), []);
    });
}

/// A close and a sender, one for each arm.
#[test]
fn a_close_and_a_sender_win_a_select_once() {
    check(|| {
        let channels = channels([0; 2]);
        let theirs = Arc::clone(&channels);
        let closer = thread::spawn(move || assert!(theirs[0].core.close()));
        let theirs = Arc::clone(&channels);
        let sender = thread::spawn(move || send(&theirs[1], 7, soon()));
        let arms = [(&channels[0], None), (&channels[1], None)];
        let chosen = select(arms, Wait::Forever);
        closer.join().unwrap();
        match sender.join().unwrap() {
            Ok(()) => assert_eq!(chosen, Selected::Received(1, Some(7))),
            Err(why) => {
                assert_eq!(why, Refused::Time);
                assert_eq!(chosen, Selected::Received(0, None));
            }
        }
        assert_eq!([left_in(&channels[0]), left_in(&channels[1])], [[], []]);
    });
}

/// One channel in two arms: the close, and a value, choose one of them.
#[test]
fn a_select_that_sends_and_receives_is_closed_once() {
    check(|| {
        let channels = channels([0; 2]);
        let theirs = Arc::clone(&channels);
        let closer = thread::spawn(move || {
            assert!(theirs[0].core.close());
            assert!(theirs[1].core.close());
        });
        let arms = [(&channels[0], None), (&channels[1], Some(7))];
        let chosen = select(arms, Wait::Forever);
        assert!(
            [Selected::Received(0, None), Selected::Sent(1, false)].contains(&chosen),
            "{chosen:?}"
        );
        closer.join().unwrap();
        assert_eq!([left_in(&channels[0]), left_in(&channels[1])], [[], []]);
    });
}

/// Who waits to hear that a channel is ready hears it of both, and takes nothing.
#[test]
fn a_watcher_hears_of_a_value() {
    check(|| {
        let channels = channels([1, 0]);
        let theirs = Arc::clone(&channels);
        let sender = thread::spawn(move || send(&theirs[0], 7, Wait::Forever));
        let mut arms = [recv_arm(0, &channels[0]), recv_arm(1, &channels[1])];
        assert_eq!(watch(&mut arms, Choice::Random, Wait::Forever), Some(0));
        assert_eq!(recv(&channels[0], Wait::Never), Ok(7));
        assert_eq!(sender.join().unwrap(), Ok(()));
        assert_eq!([left_in(&channels[0]), left_in(&channels[1])], [[], []]);
    });
}

/// Two channels become ready at once: the watcher is woken by one of them, and only once. A second
/// wake-up would end its next park before that value has come.
#[test]
fn two_values_wake_a_watcher_once() {
    check(|| {
        let channels = channels([1; 3]);
        let theirs = Arc::clone(&channels);
        let first = thread::spawn(move || send(&theirs[0], 10, Wait::Forever));
        let theirs = Arc::clone(&channels);
        let second = thread::spawn(move || {
            assert_eq!(send(&theirs[1], 11, Wait::Forever), Ok(()));
            send(&theirs[2], 12, Wait::Forever)
        });
        let mut arms = [recv_arm(0, &channels[0]), recv_arm(1, &channels[1])];
        let ready = watch(&mut arms, Choice::Random, Wait::Forever).expect("no time is up");
        assert_eq!(recv(&channels[ready], Wait::Never), Ok(10 + ready as u32));
        assert_eq!(recv(&channels[2], Wait::Forever), Ok(12));
        let other = 1 - ready;
        assert_eq!(recv(&channels[other], Wait::Forever), Ok(10 + other as u32));
        assert_eq!(first.join().unwrap(), Ok(()));
        assert_eq!(second.join().unwrap(), Ok(()));
        for chan in channels.iter() {
            assert_eq!(left_in(chan), []);
        }
    });
}
