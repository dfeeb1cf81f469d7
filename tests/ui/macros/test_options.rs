//! The options of a test are checked as those of `main`.

#[gort::test(threads = 2, homes = 0)]
fn checked() {}

fn main() {}
