//! What the models of channels share: channels, messages of which loom sees whether they are read
//! in order, and the question what is left when all is over.

use crate::{
    runtime::{models::Plain, prims::Instant},
    sync::channel::{
        chan::{Chan, Refused},
        core::Wait,
        receiver::Receiver,
        select::{Arm, Choice, operate},
        sender::Sender,
    },
};
use std::sync::Arc;

/// A message. Whoever reads its number without being ordered after the write is reported. The
/// `Arc` is not loom's, so it orders nothing in the model.
pub(super) type Letter = Arc<Plain>;

pub(super) fn letter(number: u32) -> Letter {
    let letter = Plain::new();
    letter.set(number);
    Arc::new(letter)
}

/// Channels of these capacities. They stand side by side, since a select locks them by address,
/// and every run of a model has to be the same.
pub(super) fn channels<const N: usize>(capacities: [usize; N]) -> Arc<[Chan<Letter>; N]> {
    Instant::set_step(std::time::Duration::ZERO);
    Arc::new(capacities.map(|capacity| Chan::new(Some(capacity))))
}

/// A limit that passes at some moment after the caller has begun to park.
pub(super) fn soon() -> Wait {
    Wait::Until(Instant::now())
}

pub(super) fn send(chan: &Chan<Letter>, number: u32, wait: Wait) -> Result<(), Refused> {
    Sender::of(chan).send(letter(number), wait)
}

pub(super) fn recv(chan: &Chan<Letter>, wait: Wait) -> Result<u32, Refused> {
    Receiver::of(chan)
        .receive(wait)
        .map(|letter: Letter| letter.get())
}

pub(super) fn send_arm(index: usize, chan: &Chan<Letter>) -> Arm<'_> {
    Arm::send(index, Sender::of(chan))
}

pub(super) fn recv_arm(index: usize, chan: &Chan<Letter>) -> Arm<'_> {
    Arm::recv(index, Receiver::of(chan))
}

/// How a select ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Selected {
    /// This arm has received this, or has found its channel closed.
    Received(usize, Option<u32>),
    /// This arm has sent its number; false: the channel was closed.
    Sent(usize, bool),
    /// The time was up.
    Nothing,
}

/// A select over one channel each; `numbers` says what a sending arm sends, `None` that an arm
/// receives.
pub(super) fn select<const N: usize>(
    arms: [(&Chan<Letter>, Option<u32>); N],
    wait: Wait,
) -> Selected {
    let mut index = 0;
    let mut made = arms.map(|(chan, number)| {
        index += 1;
        match number {
            None => recv_arm(index - 1, chan),
            Some(_) => send_arm(index - 1, chan),
        }
    });
    let Some(operation) = operate(&mut made, Choice::Random, wait) else {
        return Selected::Nothing;
    };
    let index = operation.index();
    let (chan, number) = arms[index];
    match number {
        None => {
            let received = operation.recv(Receiver::of(chan));
            Selected::Received(index, received.ok().map(|letter| letter.get()))
        }
        Some(number) => {
            let sent = operation.send(Sender::of(chan), letter(number));
            Selected::Sent(index, sent.is_ok())
        }
    }
}

/// The numbers that are left in a channel when all is over. Nobody is left in its lists.
pub(super) fn left_in(chan: &Chan<Letter>) -> Vec<u32> {
    let left = std::iter::from_fn(|| recv(chan, Wait::Never).ok()).collect();
    let _held = chan.core.hold();
    // SAFETY: the lock is held.
    let queues = unsafe { chan.core.queues() };
    for list in [
        &queues.senders,
        &queues.receivers,
        &queues.watchers,
        &queues.promised,
    ] {
        assert!(list.is_empty(), "a node is left in a list");
    }
    assert_eq!(queues.reserved, 0, "a place is left reserved");
    left
}
