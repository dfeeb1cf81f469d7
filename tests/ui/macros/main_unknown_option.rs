//! Options that do not exist, and some that a keyword is mistaken for.

#[gort::main(worker_threads = 4, r#type = 1, steal, unsafe(steal))]
fn main() {}
