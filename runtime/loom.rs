//! The runtime as loom sees it: the parts that are only atomics and memory, a door for blocking in
//! which threads stand in for goroutines, a home of the models' own, and the models. The map that
//! programs get is `mod.rs`; `lib.rs` chooses.

pub(crate) mod clock;
#[cfg(test)]
pub(crate) mod models;
pub(crate) mod on_abandon;
#[path = "models/door.rs"]
pub(crate) mod park;
pub(crate) mod prims;
pub(crate) mod random;

pub(crate) mod bridges {
    pub(crate) mod future;
}

pub(crate) mod sched {
    pub(crate) mod home {
        #[cfg(test)]
        #[path = "../../models/home.rs"]
        pub(crate) mod data;
        pub(crate) mod word;
    }

    pub(crate) mod idle {
        pub(crate) mod counts;
        pub(crate) mod sleep_word;
    }

    pub(crate) mod poller {
        pub(crate) mod lookout;
        pub(crate) mod ready_word;
    }

    pub(crate) mod queue {
        pub(crate) mod deque;
        #[cfg(test)]
        pub(crate) mod runnable;
    }
}

pub(crate) mod task {
    pub(crate) mod state;
}
