//! Options without their value.

#[gort::main(workers, homes, stack_size, panic, deadlock(exit), threads)]
fn main() {}
