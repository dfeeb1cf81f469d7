//! Two things to run.

fn main() {
    gort::go!(f(1), f(2));
}

fn f(_: u8) {}
