//! A TCP forwarder: `cargo run --example proxy -- [LISTEN [TARGET]]`. What a client sends goes to
//! the target, and what the target answers goes back, each way in a goroutine of its own. One that
//! has no more to say closes its half, and may still be answered. A line a connection says how many
//! bytes went each way, or what went wrong. In Go: two `io.Copy` and `CloseWrite`.

#[path = "../support/idle.rs"]
mod idle;
mod pump;
#[path = "../support/serve.rs"]
mod serve;

use gort::net::{Connection, TcpStream};
use gort::runtime;
use pump::pump;
use std::io;
use std::{env, process::ExitCode};

#[runtime::main]
fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    if args.len() > 2 {
        eprintln!("usage: proxy [LISTEN [TARGET]]");
        return ExitCode::from(2);
    }
    let argument = |i: usize, default| args.get(i).map_or(default, String::as_str);
    let target = argument(1, "127.0.0.1:7007").to_owned();
    let address = argument(0, "127.0.0.1:7008");
    let served = serve::serve("proxy", address, move |client| forward(client, &target));
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("proxy: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Forwards one connection, and says how it went.
fn forward(client: &Connection, target: &str) -> io::Result<()> {
    // The kind stays, for whoever looks at it.
    let told =
        |error: io::Error, what: &str| io::Error::new(error.kind(), format!("{what}: {error}"));
    let server = TcpStream::connect(target);
    let server = server.map_err(|error| told(error, &format!("connect to {target}")))?;
    let (up, down) = gort::scope(|s| {
        let up = s.spawn(|| pump(idle::Idle(client), &server));
        let down = pump(&server, client);
        (up.join().expect("a pump does not panic"), down)
    });
    let counts = format!("{} bytes up, {} bytes down", up.bytes, down.bytes);
    let failed = |error| told(error, &format!("after {counts}"));
    up.result.and(down.result).map_err(failed)?;
    println!("{}: {counts}", client.peer());
    Ok(())
}
