//! A deadlock: two goroutines, each of which waits for the other to send first.
//!
//! Nobody can ever go on, and no thread beside could wake one. So the process says so, as a Go program does, with what each goroutine waits for and where it was
//! spawned, and ends with code 2.
//!
//! Shows: the deadlock report. `#[gort::main(deadlock = "warn")]` would print it and wait on, `"off"` would wait in silence.

use gort::{go, sync::channel::bounded};

#[gort::main]
fn main() {
    println!("ping and pong wait for each other");
    let (to_pong, from_ping) = bounded::<&str>(0);
    let (to_ping, from_pong) = bounded::<&str>(0);
    let ping = go!(move || {
        let answer = from_pong.recv();
        let _ = to_pong.send("ping");
        answer
    });
    let pong = go!(move || {
        let question = from_ping.recv();
        let _ = to_ping.send("pong");
        question
    });
    let _ = (ping.join(), pong.join());
    println!("not reached");
}
