//! Too few homes.

#[gort::main(homes = 0)]
fn main() {}
