//! `main` takes no arguments.

#[gort::main]
fn main(arguments: Vec<String>, more: u8) {}
