//! What a block uses is gone from the spawner.

fn main() {
    let text = String::from("here");
    gort::go!({
        println!("{text}");
    });
    println!("{text}");
}
