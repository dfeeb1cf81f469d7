//! One `#[test]` is enough.

#[gort::test]
#[test]
fn twice() {}

fn main() {}
