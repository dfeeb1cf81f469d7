//! Every option with a value of the wrong type: all are reported at once.

#[gort::main(workers = "4", homes = 8.0, stack_size = "1M", panic = abort, deadlock = true)]
fn main() {}
