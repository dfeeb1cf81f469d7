//! Options that do not exist, and two that a keyword is mistaken for.

#[gort::main(worker_threads = 4, r#type = 1, unsafe, unsafe(steal))]
fn main() {}
