//! Two named services talk at their own pace; `main` hears them in turn.
//! Run it with `cargo run --example named_services`.
//!
//! In Go: a function that returns a channel, a "generator". Goroutines have no names there; here
//! dumps and reports show them.

use std::error::Error;
use std::io;
use std::time::Duration;

use gort::sync::channel::{Receiver, bounded};
use gort::{Builder, runtime};

/// Starts a goroutine of that name, and returns what it says: a generator, in Go's terms.
fn start(name: &str, pause: Duration) -> io::Result<Receiver<String>> {
    let (say, heard) = bounded(0);
    let speaker = move || {
        let me = gort::current();
        let name = me.name().unwrap_or("nobody");
        for n in 1.. {
            if say.send(format!("{name}: message {n}")).is_err() {
                return; // nobody listens any more
            }
            gort::sleep(pause);
        }
    };
    Builder::new().name(name.to_owned()).spawn(speaker)?;
    Ok(heard)
}

#[runtime::main]
fn main() -> Result<(), Box<dyn Error>> {
    let boring = start("boring", Duration::from_millis(20))?;
    let lively = start("lively", Duration::from_millis(5))?;
    for _ in 0..4 {
        // The lively one waits for its turn in `send`: an unbuffered channel keeps the two in step.
        println!("{}", boring.recv()?);
        println!("{}", lively.recv()?);
    }
    println!("enough, bye");
    Ok(())
}
