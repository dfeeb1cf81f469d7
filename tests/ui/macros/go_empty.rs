//! Nothing to run.

fn main() {
    gort::go!();
}
