//! An option set twice: the second one is the wrong one.

#[gort::main(workers = 2, homes = 8, workers = 3, homes = 8)]
fn main() {}
