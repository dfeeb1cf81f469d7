//! The options of the attributes have no fields that a program could set.

fn main() {
    let mut options = gort::runtime::__private::Options::new();
    options.workers = Some(1 << 40);
}
