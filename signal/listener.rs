//! One who receives signals.

use crate::{
    context::{CancelFunc, Context},
    runtime::contain::contain,
    sync::channel::{Sender, TrySendError},
};
use std::collections::VecDeque;

/// Where signals go, and which.
#[derive(Debug)]
pub(crate) struct SignalListener {
    signals: Vec<i32>,
    way: Way,
}

/// How signals reach who receives them.
#[derive(Debug)]
enum Way {
    /// Their numbers, in a channel with room for one of each kind.
    Numbers {
        tx: Sender<i32>,
        /// Those that may still be in the channel, oldest first.
        sent: VecDeque<i32>,
    },
    /// A message without content, in a channel with room for one.
    Units(Sender<()>),
    /// A context, and what cancels it.
    Context(Context, CancelFunc),
}

impl SignalListener {
    /// `tx` has room for one message of each of `signals`, and is the only sender.
    pub(crate) fn numbers(signals: &[i32], tx: Sender<i32>) -> Self {
        let sent = VecDeque::new();
        Self::new(signals, Way::Numbers { tx, sent })
    }

    /// `tx` has room for one message.
    pub(crate) fn units(signals: &[i32], tx: Sender<()>) -> Self {
        Self::new(signals, Way::Units(tx))
    }

    /// `cancel` cancels `context`, which others may cancel, too.
    pub(crate) fn context(signals: &[i32], context: Context, cancel: CancelFunc) -> Self {
        Self::new(signals, Way::Context(context, cancel))
    }

    fn new(signals: &[i32], way: Way) -> Self {
        let signals = signals.to_vec();
        Self { signals, way }
    }

    pub(crate) fn signals(&self) -> &[i32] {
        &self.signals
    }

    /// Whether nobody is there any more.
    pub(crate) fn is_gone(&self) -> bool {
        match &self.way {
            Way::Numbers { tx, .. } => tx.is_closed(),
            Way::Units(tx) => tx.is_closed(),
            Way::Context(context, _) => context.err().is_some(),
        }
    }

    /// Hands a signal over, if it is one of its own and somebody is there; whether that is so. A
    /// repeat of one that has not been received counts as handed over.
    pub(crate) fn offer(&mut self, signal: i32) -> bool {
        if self.is_gone() || !self.signals.contains(&signal) {
            return false;
        }
        let mut is_taken = true;
        // Wakers of futures are code of users.
        contain(|| is_taken = self.way.deliver(signal));
        is_taken
    }
}

impl Way {
    fn deliver(&mut self, signal: i32) -> bool {
        match self {
            Self::Numbers { tx, sent } => {
                // Only this thread sends, so what is in the channel is the end of what was sent.
                // Who receives meanwhile returns after this, and so after the signal has come:
                // what is left out here is told by what he gets.
                let received = sent.len().saturating_sub(tx.len());
                sent.drain(..received);
                if sent.contains(&signal) {
                    return true;
                }
                let is_sent = tx.try_send(signal).is_ok();
                if is_sent {
                    sent.push_back(signal);
                }
                is_sent
            }
            Self::Units(tx) => !matches!(tx.try_send(()), Err(TrySendError::Disconnected(()))),
            Self::Context(_, cancel) => {
                cancel.cancel();
                true
            }
        }
    }
}
