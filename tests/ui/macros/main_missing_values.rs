//! Options without their value.

#[gort::main(workers, stack_size, panic, deadlock, homes, threads)]
fn main() {}
