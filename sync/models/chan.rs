//! The core of a channel, all of it the real code: the list of those who wait, the hand-off, the
//! buffer's refill, closing, and leaving when the time is up.
//!
//! Tried, and reported: the lock left between the look and the link; the short way of a send or a
//! receive taken although somebody waits; a receive without a refill; a node that is left in its
//! list when the time is up, or looked at without the lock; an unpark that is not consumed; an
//! outcome that is written after the unpark; a close that forgets one side; a channel that is freed
//! while its lock is held; each ordering of the lock.

use crate::{
    runtime::{
        models::{Plain, check},
        prims::{AtomicBool, Ordering},
    },
    sync::{
        channel::{
            chan::Refused,
            core::{Departure, Wait},
        },
        models::channels::{channels, left_in, recv, send, soon},
        real_spin::{Exponential, SpinLock},
    },
};
use loom::thread;
use std::sync::Arc;

/// The real lock of a channel.
type RealLock = SpinLock<(), Exponential>;

/// The lock, which the other models replace by loom's.
#[test]
fn the_lock_of_a_channel_excludes() {
    check(|| {
        let shared = Arc::new((RealLock::new(()), Plain::new()));
        let add = |shared: &(RealLock, Plain)| {
            let _held = shared.0.lock();
            shared.1.add(1);
        };
        let other = Arc::clone(&shared);
        let other = thread::spawn(move || add(&other));
        add(&shared);
        other.join().unwrap();
        assert_eq!(shared.1.get(), 2);
    });
}

/// Whoever knows that another has taken the lock for the last time, and finds it free, comes after
/// that.
#[test]
fn a_lock_that_is_free_was_left() {
    check(|| {
        let shared = Arc::new((RealLock::new(()), AtomicBool::new(false), Plain::new()));
        let other = Arc::clone(&shared);
        let other = thread::spawn(move || {
            let held = other.0.lock();
            // Release: pairs with the Acquire below, as `abandoned` does in the core.
            other.1.store(true, Ordering::Release);
            other.2.set(7);
            drop(held);
        });
        // Acquire: pairs with the Release above.
        if shared.1.load(Ordering::Acquire) && shared.0.is_free() {
            assert_eq!(shared.2.get(), 7);
        }
        other.join().unwrap();
    });
}

/// One value over a channel of this capacity.
fn one_value(capacity: usize) {
    check(move || {
        let channels = channels([capacity]);
        let theirs = Arc::clone(&channels);
        let sender = thread::spawn(move || send(&theirs[0], 7, Wait::Forever));
        assert_eq!(recv(&channels[0], Wait::Forever), Ok(7));
        assert_eq!(sender.join().unwrap(), Ok(()));
        assert_eq!(left_in(&channels[0]), []);
    });
}

#[test]
fn a_rendezvous_hands_over_one_value() {
    one_value(0);
}

#[test]
fn a_buffer_hands_over_one_value() {
    one_value(1);
}

/// Two senders and a receiver that takes both.
#[test]
fn two_senders_meet_one_receiver() {
    check(|| {
        let channels = channels([0]);
        let senders = [1, 2].map(|number| {
            let theirs = Arc::clone(&channels);
            thread::spawn(move || send(&theirs[0], number, Wait::Forever))
        });
        let mut received = [(); 2].map(|()| recv(&channels[0], Wait::Forever).unwrap());
        received.sort_unstable();
        assert_eq!(received, [1, 2]);
        senders
            .into_iter()
            .for_each(|sender| assert_eq!(sender.join().unwrap(), Ok(())));
        assert_eq!(left_in(&channels[0]), []);
    });
}

/// Two receivers, of which one gets the value, and the other what is sent afterwards.
#[test]
fn two_receivers_get_a_value_each() {
    check(|| {
        let channels = channels([0]);
        let receivers = [(); 2].map(|()| {
            let theirs = Arc::clone(&channels);
            thread::spawn(move || recv(&theirs[0], Wait::Forever).unwrap())
        });
        assert_eq!(send(&channels[0], 1, Wait::Forever), Ok(()));
        assert_eq!(send(&channels[0], 2, Wait::Forever), Ok(()));
        let mut received = receivers.map(|receiver| receiver.join().unwrap());
        received.sort_unstable();
        assert_eq!(received, [1, 2]);
        assert_eq!(left_in(&channels[0]), []);
    });
}

/// The buffer is full: a receive makes room for the sender that is parked, behind what is there.
#[test]
fn a_full_buffer_is_refilled_in_order() {
    check(|| {
        let channels = channels([1]);
        assert_eq!(send(&channels[0], 1, Wait::Never), Ok(()));
        let theirs = Arc::clone(&channels);
        let sender = thread::spawn(move || {
            assert_eq!(send(&theirs[0], 2, Wait::Forever), Ok(()));
            assert_eq!(send(&theirs[0], 3, Wait::Forever), Ok(()));
        });
        let received = [(); 3].map(|()| recv(&channels[0], Wait::Forever));
        assert_eq!(received, [Ok(1), Ok(2), Ok(3)]);
        sender.join().unwrap();
        assert_eq!(left_in(&channels[0]), []);
    });
}

#[test]
fn closing_wakes_a_receiver_and_its_rival() {
    check(|| {
        let channels = channels([0]);
        let receivers = [(); 2].map(|()| {
            let theirs = Arc::clone(&channels);
            thread::spawn(move || recv(&theirs[0], Wait::Forever))
        });
        assert!(channels[0].core.close());
        for receiver in receivers {
            assert_eq!(receiver.join().unwrap(), Err(Refused::Closed));
        }
        assert_eq!(left_in(&channels[0]), []);
    });
}

/// Nobody receives: one value fits into the buffer, and its rival gets its own back.
#[test]
fn closing_wakes_a_sender_and_leaves_what_was_sent() {
    check(|| {
        let channels = channels([1]);
        let senders = [1, 2].map(|number| {
            let theirs = Arc::clone(&channels);
            thread::spawn(move || (number, send(&theirs[0], number, Wait::Forever)))
        });
        assert!(channels[0].core.close());
        let mut sent = Vec::new();
        for sender in senders {
            match sender.join().unwrap() {
                (number, Ok(())) => sent.push(number),
                (_, Err(why)) => assert_eq!(why, Refused::Closed),
            }
        }
        assert!(sent.len() <= 1);
        assert_eq!(left_in(&channels[0]), sent);
    });
}

/// A value is handed over by both or by none.
fn close_beside_a_pair(capacity: usize) {
    check(move || {
        let channels = channels([capacity]);
        let theirs = Arc::clone(&channels);
        let sender = thread::spawn(move || send(&theirs[0], 7, Wait::Forever));
        let theirs = Arc::clone(&channels);
        let closer = thread::spawn(move || assert!(theirs[0].core.close()));
        let received = recv(&channels[0], Wait::Forever);
        let sent = sender.join().unwrap();
        closer.join().unwrap();
        match sent {
            Ok(()) => assert_eq!(received, Ok(7)),
            Err(why) => assert_eq!((why, received), (Refused::Closed, Err(Refused::Closed))),
        }
        assert_eq!(left_in(&channels[0]), []);
    });
}

#[test]
fn closing_a_rendezvous_loses_no_value() {
    close_beside_a_pair(0);
}

#[test]
fn closing_a_buffer_loses_no_value() {
    close_beside_a_pair(1);
}

/// Both may leave when their time is up: it has happened for both, or for none.
#[test]
fn a_pair_that_may_leave_agrees() {
    check(|| {
        let channels = channels([0]);
        let theirs = Arc::clone(&channels);
        let sender = thread::spawn(move || send(&theirs[0], 7, soon()));
        let received = recv(&channels[0], soon());
        match sender.join().unwrap() {
            Ok(()) => assert_eq!(received, Ok(7)),
            Err(why) => assert_eq!((why, received), (Refused::Time, Err(Refused::Time))),
        }
        assert_eq!(left_in(&channels[0]), []);
    });
}

/// One of two receivers may leave; the value goes to the other, whatever the first does.
#[test]
fn a_receiver_that_leaves_takes_no_value_along() {
    check(|| {
        let channels = channels([0]);
        let theirs = Arc::clone(&channels);
        let impatient = thread::spawn(move || recv(&theirs[0], soon()));
        let theirs = Arc::clone(&channels);
        let patient = thread::spawn(move || recv(&theirs[0], Wait::Forever));
        assert_eq!(send(&channels[0], 1, Wait::Forever), Ok(()));
        // Nobody is left if the impatient one took the first.
        let second = send(&channels[0], 2, soon());
        channels[0].core.close();
        let received = [impatient.join().unwrap(), patient.join().unwrap()];
        let mut numbers: Vec<u32> = received.into_iter().filter_map(Result::ok).collect();
        numbers.sort_unstable();
        match second {
            Ok(()) => assert_eq!(numbers, [1, 2]),
            Err(_) => assert_eq!(numbers, [1]),
        }
        assert_eq!(left_in(&channels[0]), []);
    });
}

/// A parked sender may leave while a receive makes room for it.
#[test]
fn a_sender_that_leaves_a_full_buffer_agrees() {
    check(|| {
        let channels = channels([1]);
        assert_eq!(send(&channels[0], 1, Wait::Never), Ok(()));
        let theirs = Arc::clone(&channels);
        let sender = thread::spawn(move || send(&theirs[0], 2, soon()));
        assert_eq!(recv(&channels[0], Wait::Forever), Ok(1));
        let left: &[u32] = match sender.join().unwrap() {
            Ok(()) => &[2],
            Err(_) => &[],
        };
        assert_eq!(left_in(&channels[0]), left);
    });
}

/// The last handles of both sides go at once: one of the two frees the channel, when the other
/// does not touch it any more.
#[test]
fn the_last_of_two_sides_frees_the_channel() {
    check(|| {
        let channels = channels([1]);
        let theirs = Arc::clone(&channels);
        let sender = thread::spawn(move || {
            let chan = &theirs[0];
            // Refused if the other side has gone already.
            let (Ok(()) | Err(_)) = send(chan, 7, Wait::Forever);
            let frees = chan.core.is_abandoned() || chan.leave_senders() == Departure::Second;
            if frees {
                chan.core.lock().end();
            }
            frees
        });
        let chan = &channels[0];
        let frees = if chan.core.is_abandoned() {
            // SAFETY: the other side has left.
            drop(unsafe { chan.take_leftovers() });
            true
        } else {
            let (left, leftovers) = chan.leave_receivers();
            drop(leftovers);
            left == Departure::Second
        };
        if frees {
            chan.core.lock().end();
        }
        assert_ne!(sender.join().unwrap(), frees);
    });
}
