//! Bridges from goroutines to what is none: futures, and calls that block a thread.
//!
//! | file | what it is |
//! |---|---|
//! | `future` | `block_on`: a goroutine or a thread waits for a future |
//! | `block_on_with` | the same, inside something that each poll enters |
//! | `offload` | `blocking`: a call that blocks its thread, on a thread of its own |

pub(crate) mod block_on_with;
pub(crate) mod future;
pub(crate) mod offload;
