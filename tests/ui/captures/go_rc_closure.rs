//! What a closure captures must be `Send`.

use std::rc::Rc;

fn main() {
    let text: Rc<str> = Rc::from("here");
    gort::go!(move || println!("{text}"));
}
