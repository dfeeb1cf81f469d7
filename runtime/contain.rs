//! What unwinds where nobody can go on: code of users is contained, and our own ends the process.

use crate::runtime::os::stderr::say;
use std::{
    mem,
    panic::{self, AssertUnwindSafe},
    process, thread,
};

/// Runs code of users, such as a subscriber's, where an unwinding would leave a loop that others
/// rely on. The panic hook has told of it; then it ends here.
pub(crate) fn contain(run: impl FnOnce()) {
    if let Err(payload) = panic::catch_unwind(AssertUnwindSafe(run)) {
        // Not dropped: its destructor might panic, too.
        mem::forget(payload);
    }
}

/// On the stack of a thread that others rely on: ends the process, with a message, if the thread
/// unwinds. Nothing there should; but without it what relies on the thread would hang.
#[derive(Debug)]
pub(crate) struct AbortAtRoot;

impl Drop for AbortAtRoot {
    fn drop(&mut self) {
        if !thread::panicking() {
            return;
        }
        let thread = thread::current();
        say(&format!(
            "fatal error: gort: a panic (see above) on the thread \"{}\", which goroutines rely on\n",
            thread.name().unwrap_or("?")
        ));
        process::abort();
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::runtime::stack::child;
    use std::os::unix::process::ExitStatusExt;

    #[test]
    fn a_panic_ends_where_it_is_contained() {
        struct Worse;
        impl Drop for Worse {
            fn drop(&mut self) {
                panic!("deliberate");
            }
        }
        contain(|| panic::resume_unwind(Box::new(Worse)));
    }

    #[test]
    fn an_unwinding_root_ends_the_process_in_words() {
        if child::role().is_some() {
            drop(AbortAtRoot);
            let thread = thread::Builder::new().name("some-worker".into());
            let thread = thread.spawn(|| {
                let _root = AbortAtRoot;
                panic!("the cause");
            });
            let _ = thread.unwrap().join();
            process::exit(1);
        }
        let name = "runtime::contain::tests::an_unwinding_root_ends_the_process_in_words";
        let output = child::run(name, "unwind", &[]);
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.signal(), Some(libc::SIGABRT), "{text}");
        for part in ["the cause", "fatal error: gort: ", "\"some-worker\""] {
            assert!(text.contains(part), "{text}");
        }
    }
}
