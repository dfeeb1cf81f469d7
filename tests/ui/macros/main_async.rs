//! There are no coloured functions.

#[gort::main]
async fn main() {}
