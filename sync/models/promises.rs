//! Promises: a select's sending arm is chosen before its value is made, and whoever it was chosen
//! for may leave meanwhile. All of it is the real code.
//!
//! Tried, and reported: a promised receiver that is not linked; a value that is dropped if its
//! receiver has left, or that is not offered to the next; a select that leaves and does not ask
//! whether it was promised a value; a broken promise that nobody is told of; a reserved place that
//! is not counted, not counted off, or not passed on.

use crate::{
    runtime::models::check,
    sync::{
        channel::{
            chan::Refused,
            core::Wait,
            select::{Choice, operate},
        },
        models::channels::{Selected, channels, left_in, recv, select, send, send_arm, soon},
    },
};
use loom::thread;
use std::sync::Arc;

/// The receiver may leave: it has the value, or the value stays in the channel.
#[test]
fn a_promised_value_goes_to_its_receiver_or_stays() {
    check(|| {
        let channels = channels([0]);
        let theirs = Arc::clone(&channels);
        let receiver = thread::spawn(move || recv(&theirs[0], soon()));
        let chosen = select([(&channels[0], Some(7))], soon());
        let received = receiver.join().unwrap();
        let left = left_in(&channels[0]);
        match (chosen, received) {
            (Selected::Sent(0, true), Ok(7)) | (Selected::Nothing, Err(Refused::Time)) => {
                assert_eq!(left, []);
            }
            (Selected::Sent(0, true), Err(Refused::Time)) => assert_eq!(left, [7]),
            other => panic!("{other:?}"),
        }
    });
}

/// The receiver leaves, and another one waits: nothing is lost, and that one gets a value.
#[test]
fn a_promised_value_goes_to_the_next_receiver() {
    check(|| {
        let channels = channels([0]);
        let theirs = Arc::clone(&channels);
        let impatient = thread::spawn(move || recv(&theirs[0], soon()));
        let theirs = Arc::clone(&channels);
        let patient = thread::spawn(move || recv(&theirs[0], Wait::Forever));
        let chosen = select([(&channels[0], Some(7))], Wait::Forever);
        assert_eq!(chosen, Selected::Sent(0, true));
        if impatient.join().unwrap() == Ok(7) {
            assert_eq!(send(&channels[0], 8, Wait::Forever), Ok(()));
            assert_eq!(patient.join().unwrap(), Ok(8));
        } else {
            assert_eq!(patient.join().unwrap(), Ok(7));
        }
        assert_eq!(left_in(&channels[0]), []);
    });
}

/// The promise is broken: its receiver looks again, and finds the next sender.
#[test]
fn a_broken_promise_lets_its_receiver_look_again() {
    check(|| {
        let channels = channels([0]);
        let theirs = Arc::clone(&channels);
        let receiver = thread::spawn(move || recv(&theirs[0], Wait::Forever));
        let mut arms = [send_arm(0, &channels[0])];
        operate(&mut arms, Choice::Random, Wait::Forever)
            .expect("no time is up")
            .abandon();
        assert_eq!(send(&channels[0], 8, Wait::Forever), Ok(()));
        assert_eq!(receiver.join().unwrap(), Ok(8));
        assert_eq!(left_in(&channels[0]), []);
    });
}

/// As above, of a select, which may have come and found the sending arm parked.
#[test]
fn a_broken_promise_lets_its_select_look_again() {
    check(|| {
        let channels = channels([0, 1]);
        let theirs = Arc::clone(&channels);
        let sender = thread::spawn(move || {
            let mut arms = [send_arm(0, &theirs[0])];
            operate(&mut arms, Choice::Random, Wait::Forever)
                .expect("no time is up")
                .abandon();
            send(&theirs[1], 8, Wait::Forever)
        });
        let arms = [(&channels[0], None), (&channels[1], None)];
        assert_eq!(select(arms, Wait::Forever), Selected::Received(1, Some(8)));
        assert_eq!(sender.join().unwrap(), Ok(()));
        assert_eq!([left_in(&channels[0]), left_in(&channels[1])], [[], []]);
    });
}

/// A close after the promise: the value reaches its receiver, or goes back.
#[test]
fn a_close_beside_a_promise_loses_no_value() {
    check(|| {
        let channels = channels([0]);
        let theirs = Arc::clone(&channels);
        let receiver = thread::spawn(move || recv(&theirs[0], Wait::Forever));
        let theirs = Arc::clone(&channels);
        let closer = thread::spawn(move || assert!(theirs[0].core.close()));
        let chosen = select([(&channels[0], Some(7))], Wait::Forever);
        let received = receiver.join().unwrap();
        closer.join().unwrap();
        match chosen {
            Selected::Sent(0, true) => assert_eq!(received, Ok(7)),
            Selected::Sent(0, false) => assert_eq!(received, Err(Refused::Closed)),
            other => panic!("{other:?}"),
        }
        assert_eq!(left_in(&channels[0]), []);
    });
}

/// A select that was promised a value leaves, or has it.
#[test]
fn a_promised_select_leaves_nothing_behind() {
    check(|| {
        let channels = channels([0, 1]);
        let theirs = Arc::clone(&channels);
        let sender = thread::spawn(move || select([(&theirs[0], Some(7))], soon()));
        let arms = [(&channels[0], None), (&channels[1], None)];
        let received = select(arms, soon());
        let sent = sender.join().unwrap();
        let left = left_in(&channels[0]);
        match (sent, received) {
            (Selected::Sent(0, true), Selected::Received(0, Some(7)))
            | (Selected::Nothing, Selected::Nothing) => assert_eq!(left, []),
            (Selected::Sent(0, true), Selected::Nothing) => assert_eq!(left, [7]),
            other => panic!("{other:?}"),
        }
        assert_eq!(left_in(&channels[1]), []);
    });
}

/// A place in a full buffer that a select's arm was given, beside a sender that wants it too.
#[test]
fn a_reserved_place_is_used_once() {
    check(|| {
        let channels = channels([1]);
        assert_eq!(send(&channels[0], 1, Wait::Never), Ok(()));
        let theirs = Arc::clone(&channels);
        let sender = thread::spawn(move || send(&theirs[0], 2, Wait::Forever));
        let theirs = Arc::clone(&channels);
        let other = thread::spawn(move || select([(&theirs[0], Some(3))], Wait::Forever));
        let received = [(); 3].map(|()| recv(&channels[0], Wait::Forever).unwrap());
        assert!([[1, 2, 3], [1, 3, 2]].contains(&received), "{received:?}");
        assert_eq!(sender.join().unwrap(), Ok(()));
        assert_eq!(other.join().unwrap(), Selected::Sent(0, true));
        assert_eq!(left_in(&channels[0]), []);
    });
}

/// A place that is given up goes to the sender that waits for it, and its value straight on to a
/// receiver that is parked.
#[test]
fn a_place_that_is_given_up_goes_to_the_next_sender() {
    check(|| {
        let channels = channels([1]);
        let theirs = Arc::clone(&channels);
        let sender = thread::spawn(move || send(&theirs[0], 2, Wait::Forever));
        let theirs = Arc::clone(&channels);
        let receiver = thread::spawn(move || recv(&theirs[0], Wait::Forever));
        let mut arms = [send_arm(0, &channels[0])];
        if let Some(operation) = operate(&mut arms, Choice::Random, soon()) {
            operation.abandon();
        }
        assert_eq!(receiver.join().unwrap(), Ok(2));
        assert_eq!(sender.join().unwrap(), Ok(()));
        assert_eq!(left_in(&channels[0]), []);
    });
}
