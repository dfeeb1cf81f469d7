//! A node of the tree of cancellation: what can be cancelled, and what is then cancelled with it.
//!
//! A node belongs to whoever may end it: a `CancelFunc`, whose drop cancels; or, for `after_func`,
//! its parent's list. So every node ends before it is freed, and then it is in no list: so a parent
//! and its children do not keep each other for ever.
//!
//! * The state is written under the lock and read without. A child that comes too late for its
//!   parent's list finds the state there, and ends at once.
//! * First the state is set, then `done` is closed. Whoever has seen the state closes `done` too
//!   before it says so: nobody sees the one without the other.
//! * An ended node leaves its parent's list when all below it has ended. So whoever comes to a node
//!   that another is just ending finds there what is left to do, and does it: when `end` returns,
//!   all below has ended, without anybody having waited for anybody.
//! * The way through a tree needs no list of those to come: down to a first child, and up by the
//!   link to the parent. No lock is held across two nodes.
//! * Under the lock nothing of the user's is dropped: what is taken out is dropped after it.

use crate::{
    context::{
        children::ChildList,
        error::{Cause, Error},
    },
    runtime::{
        goroutine::{
            delayed_spawn::{self, DelayedSpawn},
            spawn,
        },
        prims::{AtomicU8, Ordering},
    },
    sync::{
        channel::{Receiver, Sender, bounded},
        linked_list::{Links, ListNode},
        spin::SpinLock,
    },
};
use std::{
    fmt,
    panic::Location,
    sync::{Arc, OnceLock},
    thread,
    time::Instant,
};

/// The states. LIVE becomes one of the others, once.
const LIVE: u8 = 0;
const CANCELED: u8 = 1;
const EXCEEDED: u8 = 2;

/// What `after_func` runs.
pub(crate) struct Action {
    f: Box<dyn FnOnce() + Send>,
    site: &'static Location<'static>,
}

impl Action {
    /// `f`, and who asked for it.
    pub(crate) fn new(f: impl FnOnce() + Send + 'static, site: &'static Location<'static>) -> Self {
        Self {
            f: Box::new(f),
            site,
        }
    }

    fn start(self) {
        // SAFETY: the closure is Send and 'static, and so is what it returns.
        drop(unsafe { spawn::spawn_unchecked(self.f, None, self.site) });
    }
}

/// What the lock of a node guards. `live` is taken out at the end; `cause` is set then, and
/// `children` only shrinks.
struct Guarded {
    live: Option<LivePart>,
    children: ChildList<CancelNode>,
    cause: Option<Cause>,
}

/// What a node has only as long as it is live.
struct LivePart {
    timer: Option<DelayedSpawn>,
    /// The cause if it is the timer that ends it.
    timer_cause: Option<Cause>,
    action: Option<Action>,
}

/// A node; see the head of the file.
pub(crate) struct CancelNode {
    state: AtomicU8,
    guarded: SpinLock<Guarded>,
    parent: Option<Arc<CancelNode>>,
    /// For the parent's list, whose lock guards them.
    links: Links<CancelNode>,
    done: OnceLock<(Sender<()>, Receiver<()>)>,
    deadline: Option<Instant>,
}

// SAFETY: each has links of its own.
unsafe impl ListNode for CancelNode {
    fn links(&self) -> &Links<Self> {
        &self.links
    }
}

/// What a node is made with.
#[derive(Default)]
pub(crate) struct Plan {
    /// When it ends, if it is not cancelled before. No later than the parent's.
    pub(crate) deadline: Option<Instant>,
    /// The cause if that is how it ends.
    pub(crate) timer_cause: Option<Cause>,
    /// What is started when it ends.
    pub(crate) action: Option<Action>,
}

impl CancelNode {
    /// A live child of `parent`, or of nobody; an ended one if the parent has ended. Its deadline
    /// is not watched yet.
    pub(crate) fn new(parent: Option<&Arc<Self>>, plan: Plan) -> Arc<Self> {
        let node = Arc::new(Self {
            state: AtomicU8::new(LIVE),
            guarded: SpinLock::new(Guarded {
                live: Some(LivePart {
                    timer: None,
                    timer_cause: plan.timer_cause,
                    action: plan.action,
                }),
                children: ChildList::new(),
                cause: None,
            }),
            parent: parent.cloned(),
            links: Links::new(),
            done: OnceLock::new(),
            deadline: plan.deadline,
        });
        if let Some(parent) = parent {
            parent.adopt(&node);
        }
        node
    }

    /// Lists a new child, or passes on to it how this one has ended.
    fn adopt(&self, child: &Arc<Self>) {
        let mut guarded = self.guarded.lock();
        if guarded.live.is_some() {
            // SAFETY: it is new, and of this parent.
            unsafe { guarded.children.push(Arc::clone(child)) };
            return;
        }
        let cause = guarded.cause.clone();
        drop(guarded);
        if let Some(err) = self.state() {
            child.end(err, cause);
        }
    }

    /// Has it end at `deadline`, which is its own.
    pub(crate) fn watch(self: &Arc<Self>, deadline: Instant) {
        // The timer keeps no node alive, and owns nothing of the user's.
        let node = Arc::downgrade(self);
        let timer = delayed_spawn::spawn_delayed(deadline, move || {
            if let Some(node) = node.upgrade() {
                node.expire();
            }
        });
        let mut guarded = self.guarded.lock();
        if let Some(live) = &mut guarded.live {
            live.timer = Some(timer);
            return;
        }
        drop(guarded);
        timer.cancel();
    }

    /// Ends it because its deadline has passed.
    pub(crate) fn expire(self: &Arc<Self>) {
        let mut guarded = self.guarded.lock();
        let cause = guarded.live.as_mut().and_then(|l| l.timer_cause.take());
        drop(guarded);
        self.end(Error::DeadlineExceeded, cause);
    }

    /// Ends it and all below it. When it returns all of that has ended, whoever else is at it. Does
    /// not park, and runs no code of the user's but destructors.
    pub(crate) fn end(self: &Arc<Self>, err: Error, cause: Option<Cause>) {
        let mut walk = Walk {
            top: self,
            at: Arc::clone(self),
        };
        self.close(err, cause);
        walk.run();
    }

    /// Ends a node that has no children without starting its action; false if it had ended.
    pub(crate) fn disarm(&self) -> bool {
        let live = self.take_live(Error::Canceled, None);
        self.leave();
        live.is_some()
    }

    /// Ends one node, unless it has ended.
    fn close(&self, err: Error, cause: Option<Cause>) {
        let live = self.take_live(err, cause);
        self.close_done();
        let Some(mut live) = live else { return };
        if let Some(timer) = live.timer.take() {
            timer.cancel();
        }
        if let Some(action) = live.action.take() {
            action.start();
        }
    }

    /// The step that one caller wins: takes out what the live node had.
    fn take_live(&self, err: Error, cause: Option<Cause>) -> Option<LivePart> {
        // Dropped before `cause`, if that comes too late.
        let mut guarded = self.guarded.lock();
        let live = guarded.live.take()?;
        guarded.cause = cause;
        let state = match err {
            Error::Canceled => CANCELED,
            Error::DeadlineExceeded => EXCEEDED,
        };
        // Release: pairs with the Acquire in `state`.
        self.state.store(state, Ordering::Release);
        Some(live)
    }

    /// Leaves the list of its parent, unless it has.
    fn leave(&self) {
        let Some(parent) = &self.parent else { return };
        let mut guarded = parent.guarded.lock();
        // SAFETY: a node is put into the list of its parent only.
        let listed = unsafe { guarded.children.remove(self) };
        drop(guarded);
        drop(listed);
    }

    /// One of the children, and the cause that it is to have.
    fn first_child(&self) -> Option<(Arc<Self>, Option<Cause>)> {
        let guarded = self.guarded.lock();
        let child = guarded.children.first()?;
        Some((child, guarded.cause.clone()))
    }

    fn state(&self) -> Option<Error> {
        // Acquire: pairs with the Release in `take_live`.
        match self.state.load(Ordering::Acquire) {
            LIVE => None,
            CANCELED => Some(Error::Canceled),
            _ => Some(Error::DeadlineExceeded),
        }
    }

    /// How it has ended, if it has; `done` is closed then.
    #[inline]
    pub(crate) fn err(&self) -> Option<Error> {
        let err = self.state()?;
        self.close_done();
        Some(err)
    }

    /// How it has ended, and the cause that was given, if one was.
    pub(crate) fn ending(&self) -> Option<(Error, Option<Cause>)> {
        let err = self.err()?;
        Some((err, self.guarded.lock().cause.clone()))
    }

    /// A receiver of the one channel that is closed when it ends. Does not park.
    pub(crate) fn done(&self) -> Receiver<()> {
        let (_, receiver) = match self.done.get() {
            Some(channel) => channel,
            None => self.make_done(),
        };
        // Also if it ended before there was a channel.
        let _ = self.err();
        receiver.clone()
    }

    #[cold]
    fn make_done(&self) -> &(Sender<()>, Receiver<()>) {
        let made = bounded(0);
        made.0.seal();
        // Under the lock: either `take_live` comes after it, and `close_done` then finds the
        // channel; or before it, and then `done` finds the state.
        let guarded = self.guarded.lock();
        let surplus = self.done.set(made);
        drop(guarded);
        drop(surplus);
        self.done.get().expect("it has just been set")
    }

    /// For a node that has ended.
    fn close_done(&self) {
        if let Some((sender, _)) = self.done.get()
            && !sender.is_closed()
        {
            sender.close();
        }
    }

    /// When it ends at the latest.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// How many children are registered.
    #[cfg(test)]
    pub(crate) fn children(&self) -> usize {
        self.guarded.lock().children.len()
    }
}

impl Drop for CancelNode {
    /// The parents one by one: a long chain that dropped itself link by link would overflow the
    /// stack.
    fn drop(&mut self) {
        let mut parent = self.parent.take();
        while let Some(mut node) = parent.and_then(Arc::into_inner) {
            parent = node.parent.take();
        }
    }
}

/// A walk through a tree that ends. If a destructor of the user's panics on the way, the rest ends
/// during the unwinding.
struct Walk<'a> {
    top: &'a Arc<CancelNode>,
    /// It has ended; what is below it may not.
    at: Arc<CancelNode>,
}

impl Walk<'_> {
    fn run(&mut self) {
        // Each node hands on how it has ended itself: that need not be how the top has.
        while let Some(err) = self.at.state() {
            if let Some((child, cause)) = self.at.first_child() {
                child.close(err, cause);
                self.at = child;
                continue;
            }
            self.at.leave();
            match &self.at.parent {
                Some(parent) if !Arc::ptr_eq(&self.at, self.top) => self.at = Arc::clone(parent),
                _ => return,
            }
        }
    }
}

impl Drop for Walk<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.run();
        }
    }
}

impl fmt::Debug for CancelNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancelNode")
            .field("err", &self.state())
            .finish_non_exhaustive()
    }
}
