//! The scheduler: what runs where, and when.
//!
//! * [`timers`]: each worker's timing wheel. It only keeps deadlines and hands back what has expired; its owner fires it.
//! * [`blocking`]: threads beside the workers, for calls that block their thread.
//!
//! Both are leaves: they know neither tasks nor workers.

pub(crate) mod blocking;
pub(crate) mod timers;
