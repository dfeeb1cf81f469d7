//! What a block uses must be `Send`.

use std::rc::Rc;

fn main() {
    let text: Rc<str> = Rc::from("here");
    gort::go!({
        println!("{text}");
    });
}
