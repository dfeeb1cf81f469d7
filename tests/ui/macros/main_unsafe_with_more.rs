//! `unsafe(...)` holds one word.

#[gort::main(unsafe(migrate, workers = 2))]
fn main() {}
