//! Policies that do not exist.

#[gort::main(panic = "abort", deadlock = "ignore")]
fn main() {}
