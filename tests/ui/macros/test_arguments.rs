//! Tests take no arguments and are not `async`.

#[gort::test]
fn takes(n: u32) {}

#[gort::test]
async fn waits() {}

fn main() {}
