//! An option set twice: the second one is the wrong one.

#[gort::main(workers = 2, unsafe(migrate), workers = 3, unsafe(migrate))]
fn main() {}
