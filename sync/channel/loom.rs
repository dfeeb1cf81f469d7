//! Channels as loom sees them: the lists of those who wait, the core, promises and the select
//! engine, all of them the real files. Only the lock, which would spin, and the handles, which take
//! their memory from a worker, are the models' own. The map that programs get is `mod.rs`.

pub(crate) mod buffer;
pub(crate) mod chan;
pub(crate) mod core;
pub(crate) mod error;
pub(crate) mod op_queue;
pub(crate) mod operation;
#[path = "core/parking.rs"]
pub(crate) mod parking;
#[path = "chan/promise.rs"]
pub(crate) mod promise;
#[path = "chan/receive.rs"]
pub(crate) mod receive;
#[path = "../models/receiver.rs"]
pub(crate) mod receiver;
pub(crate) mod rng;
pub(crate) mod select;
pub(crate) mod select_handle;
#[path = "../models/sender.rs"]
pub(crate) mod sender;
pub(crate) mod slot;
pub(crate) mod timer;
pub(crate) mod wait;
#[path = "select/waiting.rs"]
pub(crate) mod waiting;
