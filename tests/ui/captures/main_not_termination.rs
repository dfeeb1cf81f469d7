//! `main` returns something that is `Termination`.

#[gort::main]
fn main() -> u64 {
    0
}
