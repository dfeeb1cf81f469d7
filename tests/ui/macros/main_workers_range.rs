//! Too few workers.

#[gort::main(workers = 0)]
fn main() {}
