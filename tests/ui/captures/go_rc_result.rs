//! What a goroutine returns must be `Send`.

use std::rc::Rc;

fn make() -> Rc<str> {
    Rc::from("there")
}

fn main() {
    gort::go!(make());
}
