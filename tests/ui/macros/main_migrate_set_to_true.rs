//! Migration is not a flag.

#[gort::main(migrate = true)]
fn main() {}
