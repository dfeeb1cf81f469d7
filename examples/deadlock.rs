//! A deadlock: two goroutines, each of which waits for the other to send first.
//! Run it with `cargo run --example deadlock`. The report goes to stderr, and the exit code is 2.
//!
//! In Go: the same, `fatal error: all goroutines are asleep - deadlock!`, with what each goroutine
//! waits for. Here `#[runtime::main(deadlock = "warn")]` prints that and waits on, and `"off"`
//! waits in silence.

use gort::sync::channel::bounded;
use gort::{go, runtime};

#[runtime::main]
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
