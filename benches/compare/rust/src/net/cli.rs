//! The command line that all servers in Rust have: `serve-echo|serve-http ADDR [--workers W]`.

use std::{env, net::SocketAddr, process};

#[derive(Clone, Copy)]
pub enum Service {
    Echo,
    Http,
}

pub struct Options {
    pub service: Service,
    pub addr: String,
    #[allow(dead_code)] // a thread for each connection has no workers
    pub workers: usize,
}

/// What the command line asks for; ends the process with exit code 2 if it is wrong. Without
/// `--workers` there are as many as CPUs.
pub fn parse() -> Options {
    let words: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    read(&words).unwrap_or_else(|message| {
        eprintln!("{message}\nusage: serve-echo|serve-http ADDR [--workers W]");
        process::exit(2)
    })
}

fn read(words: &[&str]) -> Result<Options, String> {
    let (service, addr, rest) = match words {
        ["serve-echo", addr, rest @ ..] => (Service::Echo, addr, rest),
        ["serve-http", addr, rest @ ..] => (Service::Http, addr, rest),
        _ => return Err("no such server".into()),
    };
    let workers = match rest {
        [] => std::thread::available_parallelism().map_or(1, usize::from),
        ["--workers", n] => match n.parse() {
            Ok(n) if n > 0 => n,
            _ => return Err(format!("{n:?} is not a number of workers")),
        },
        _ => return Err(format!("unknown option {:?}", rest[0])),
    };
    Ok(Options {
        service,
        addr: addr.to_string(),
        workers,
    })
}

/// The first line that a server prints: `net.py` reads it, for a port 0 becomes a real one.
pub fn announce(addr: SocketAddr) {
    println!("listening on {addr}");
}
