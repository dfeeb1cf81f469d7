//! A negative number of workers.

#[gort::main(workers = -1)]
fn main() {}
