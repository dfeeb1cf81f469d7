//! `go!` makes no unsafe call safe.

/// # Safety
/// None.
unsafe fn danger() {}

fn main() {
    gort::go!(danger());
}
