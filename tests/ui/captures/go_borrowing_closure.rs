//! A closure without `move` borrows from the spawner.

fn main() {
    let text = String::from("here");
    gort::go!(|| println!("{text}"));
}
