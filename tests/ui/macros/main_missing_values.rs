//! Options without their value.

#[gort::main(workers, stack_size, panic, deadlock, threads)]
fn main() {}
