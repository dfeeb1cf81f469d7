//! `unsafe(migrate)` counts as the user's unsafe code.
#![forbid(unsafe_code)]

#[gort::main(unsafe(migrate))]
fn main() {}
