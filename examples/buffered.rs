//! A buffered channel takes as many values as it has room for without anybody receiving.
//! Run it with `cargo run --example buffered`.

use gort::runtime;
use gort::sync::channel::bounded;

#[runtime::main]
fn main() {
    let (tx, rx) = bounded(3);
    println!("len {} of {:?}", rx.len(), rx.capacity());

    for word in ["one", "two", "three"] {
        tx.send(word).expect("both ends are open");
        println!("sent {word}, len {}", rx.len());
    }
    println!("full: {}", tx.is_full());
    println!(
        "a fourth: {}",
        if tx.try_send("four").is_err() {
            "no room"
        } else {
            "sent"
        }
    );

    while let Ok(word) = rx.try_recv() {
        println!("received {word}, len {}", rx.len());
    }
    println!("empty: {}", rx.is_empty());
}
