//! The spans of `tracing` that a goroutine has entered: left when it leaves the processor, entered
//! again when it runs on.
//!
//! Subscribers keep the entered spans in the thread, that is, in the home. Left there, they would
//! be those of whoever runs in the home next, whose lines would go to the wrong request. So a
//! goroutine takes them along, as an instrumented future does between two polls: layers see an
//! exit and an enter for each span.
//!
//! It works for the subscriber that is the default at the park, if that tells its current span, as
//! the registry of `tracing-subscriber` does and all that is built on it. Of others nothing is
//! known, and nothing is changed. A goroutine that has entered no span pays for one look; where
//! nobody listens it is one load and a compare.

use crate::runtime::{
    sched::{events, home::held::Held},
    task::header::TaskRef,
};
use tracing::{Dispatch, Level, dispatcher, level_enabled, span};

/// More spans than anybody enters: a subscriber whose current span never ends to be the same is
/// not asked for ever.
const MOST: usize = 256;

/// Spans that a goroutine has left.
pub(crate) struct LeftSpans {
    dispatch: Dispatch,
    /// The innermost one first. Each is a handle of its own, which keeps the span open.
    ids: Vec<span::Id>,
}

/// Whether somebody listens, so that spans may have been entered.
#[inline]
pub(crate) fn may_be_entered() -> bool {
    level_enabled!(Level::ERROR)
}

/// Leaves the spans that the caller has entered. It is this goroutine, about to suspend.
pub(crate) fn leave(here: Held, task: TaskRef) -> Option<LeftSpans> {
    let mut left = None;
    events::aside(here, task, || {
        dispatcher::get_default(|dispatch| leave_all(dispatch, &mut left));
    });
    left
}

/// If the subscriber panics, `left` holds what was left until then.
fn leave_all(dispatch: &Dispatch, left: &mut Option<LeftSpans>) {
    for _ in 0..MOST {
        let current = dispatch.current_span();
        let Some(id) = current.id() else {
            return;
        };
        let spans = left.get_or_insert_with(|| LeftSpans {
            dispatch: dispatch.clone(),
            ids: Vec::new(),
        });
        let handle = dispatch.clone_span(id);
        spans.ids.push(handle);
        dispatch.exit(id);
    }
}

impl LeftSpans {
    /// Enters them again, the outermost first. The caller is this goroutine, and runs on.
    pub(crate) fn enter_again(self, here: Held, task: TaskRef) {
        let Self { dispatch, ids } = self;
        for id in ids.into_iter().rev() {
            // One at a time: if a layer panics, the other spans are entered all the same.
            events::aside(here, task, || dispatch.enter(&id));
            events::aside(here, task, || {
                dispatch.try_close(id);
            });
        }
    }
}
