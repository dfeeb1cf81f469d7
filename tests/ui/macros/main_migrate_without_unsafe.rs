//! Migration is for those who write `unsafe`.

#[gort::main(migrate)]
fn main() {}
