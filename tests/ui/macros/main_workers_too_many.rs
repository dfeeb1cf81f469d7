//! Too many workers.

#[gort::main(workers = 1025)]
fn main() {}
