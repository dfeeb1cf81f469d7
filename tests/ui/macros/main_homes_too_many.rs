//! Too many homes.

#[gort::main(homes = 65537)]
fn main() {}
