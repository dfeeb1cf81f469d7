//! `#[gort::main]` is for `main`.

#[gort::main]
fn start() {}

fn main() {}
