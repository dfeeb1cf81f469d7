//! Options are separated by commas.

#[gort::main(workers = 2; deadlock = "off")]
fn main() {}
