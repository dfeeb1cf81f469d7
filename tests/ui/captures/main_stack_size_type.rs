//! `stack_size` is a `usize`.

#[gort::main(stack_size = 1_u32 << 20)]
fn main() {}
