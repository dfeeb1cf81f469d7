//! Models of what is in `sync`; see `runtime/models.rs` for how they are run.

mod chan;
mod channels;
mod locks;
mod promises;
mod select;
