//! What a dump asks about the goroutines of each home, and what comes back (protocol D in
//! `runtime/README.md`).

use crate::runtime::{
    sched::inspect::frames::Frames,
    task::{header::TaskHeader, wait::Stamp},
};
use std::{
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// How long the holder of a home has to come to its root (guess: it is there within microseconds,
/// unless its goroutine computes or blocks).
const PATIENCE: Duration = Duration::from_millis(200);
/// How much longer one has that has begun to answer.
const GRACE: Duration = Duration::from_secs(2);

/// What is asked about: the goroutine with this id, which was seen in this cell.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Question {
    pub(crate) cell: *mut TaskHeader,
    pub(crate) id: u64,
}

// SAFETY: the cell is not followed before it has been found to be one (`pool::look_at`).
unsafe impl Send for Question {}
// SAFETY: as above.
unsafe impl Sync for Question {}

/// What the holder of a home knows of one of its goroutines.
#[derive(Debug)]
pub(crate) enum Reply {
    /// It does not live here any more.
    Gone,
    /// It has not started.
    Fresh,
    /// It is the one that waits for this answer, or waited when another dump asked.
    Running(Option<Frames>),
    /// It is suspended.
    Suspended {
        /// The number of its `WaitReason`; `None` if it is ready to go on.
        reason: Option<u8>,
        since: Stamp,
        /// `None`: with this build's switch they cannot be had.
        frames: Option<Frames>,
    },
}

/// One home's part of the replies.
#[derive(Debug, Default)]
enum Part {
    /// Not asked, withdrawn, or taken away.
    #[default]
    Closed,
    Asked,
    /// The holder is at it.
    Begun,
    Done(Vec<Reply>),
}

/// Questions to all homes, and the replies as they come in.
#[derive(Debug)]
pub(crate) struct DumpRequest {
    /// A home's at its index.
    questions: Vec<Vec<Question>>,
    parts: Mutex<Vec<Part>>,
    changed: Condvar,
}

impl DumpRequest {
    pub(crate) fn new(questions: Vec<Vec<Question>>) -> Self {
        let part = |asked: &Vec<Question>| {
            if asked.is_empty() {
                Part::Closed
            } else {
                Part::Asked
            }
        };
        let parts = questions.iter().map(part).collect();
        Self {
            questions,
            parts: Mutex::new(parts),
            changed: Condvar::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Part>> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The homes that are asked something.
    pub(crate) fn asked(&self) -> impl Iterator<Item = usize> {
        let asked = |&i: &usize| !self.questions[i].is_empty();
        (0..self.questions.len()).filter(asked)
    }

    /// Takes the part of home `index`, if it is still wanted. For the home's holder.
    pub(crate) fn reply(&self, index: usize, reply_to: impl FnMut(Question) -> Reply) {
        let take = |from: fn(&Part) -> bool, to: Part| {
            let mut parts = self.lock();
            let wanted = from(&parts[index]);
            if wanted {
                parts[index] = to;
            }
            wanted
        };
        let is_asked = self
            .questions
            .get(index)
            .is_some_and(|asked| !asked.is_empty());
        if !is_asked {
            return;
        }
        if take(|part| matches!(part, Part::Asked), Part::Begun) {
            // Not under the lock: who asks may withdraw meanwhile.
            let replies = self.questions[index]
                .iter()
                .copied()
                .map(reply_to)
                .collect();
            take(|part| matches!(part, Part::Begun), Part::Done(replies));
            self.changed.notify_all();
        }
    }

    /// Waits for the replies, and calls `meanwhile` every millisecond. `None` for a home whose
    /// holder did not reply.
    ///
    /// Blocks the thread, and neither parks nor takes its park token: so anyone may dump, at any
    /// place.
    pub(crate) fn wait(&self, meanwhile: impl Fn()) -> Vec<Option<Vec<Reply>>> {
        let until = Instant::now() + PATIENCE;
        let mut parts = self.lock();
        loop {
            let now = Instant::now();
            let waits = |part: &Part| match part {
                Part::Closed | Part::Done(_) => false,
                Part::Asked => now < until,
                Part::Begun => now < until + GRACE,
            };
            if !parts.iter().any(waits) {
                break;
            }
            let step = Duration::from_millis(1);
            let woken = self.changed.wait_timeout(parts, step);
            drop(woken.unwrap_or_else(PoisonError::into_inner));
            meanwhile();
            parts = self.lock();
        }
        let taken = parts.iter_mut().map(std::mem::take);
        taken
            .map(|part| match part {
                Part::Done(replies) => Some(replies),
                _ => None,
            })
            .collect()
    }
}
