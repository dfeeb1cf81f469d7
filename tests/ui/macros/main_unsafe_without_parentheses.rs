//! `unsafe` alone says nothing.

#[gort::main(unsafe)]
fn main() {}
