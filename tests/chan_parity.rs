//! Programs for `crossbeam_channel` run unchanged here but for `use`: the same text compiled with
//! both crates, and run on threads (both) and in goroutines (ours).
//!
//! What is in `parity/` names `channel::X` only; what that is, the modules below say.
#![allow(
    clippy::duplicate_mod,
    reason = "the same text with different crates is the point"
)]

mod support;

/// One text as tests, for a crate called `channel` in the module around.
macro_rules! texts {
    ($run:path) => {
        mod api;
        mod errors;
        mod examples;
        mod macros;
        mod select;
        use $run as run;
    };
}

/// With the original: is what the texts say of it true?
#[path = "parity"]
mod theirs {
    use crossbeam_channel as channel;
    texts!(crate::support::party::on_threads);
}

#[path = "parity"]
mod ours_on_threads {
    use gort::sync::channel;
    texts!(crate::support::party::on_threads);
}

#[path = "parity"]
mod ours_in_goroutines {
    use gort::sync::channel;
    texts!(crate::support::party::in_goroutines);
}
