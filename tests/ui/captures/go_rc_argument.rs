//! An argument goes to the goroutine: it must be `Send`.

use std::rc::Rc;

fn show(text: Rc<str>) {
    println!("{text}");
}

fn main() {
    let text: Rc<str> = Rc::from("here");
    gort::go!(show(text.clone()));
}
