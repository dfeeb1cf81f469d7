//! `#[gort::main]` is for functions.

#[gort::main]
struct Server;

fn main() {}
