//! The command line.

use std::{env, process};

const USAGE: &str = "usage: load ADDR --mode echo|http --connections N [--size BYTES] \
[--pipeline K] [--seconds S] [--warmup S] [--pid SERVER_PID] [--idle N] [--touch] [--json]";

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Mode {
    Echo,
    Http,
}

#[derive(Debug)]
pub struct Options {
    pub addr: String,
    pub mode: Mode,
    /// Busy connections.
    pub connections: usize,
    /// Bytes of an echo's request.
    pub size: usize,
    /// Requests that a connection sends before it waits.
    pub pipeline: usize,
    pub seconds: f64,
    /// How long the connections are busy before anything is counted.
    pub warmup: f64,
    /// The server, if its memory and processor time are of interest.
    pub pid: Option<u32>,
    /// Connections that do nothing.
    pub idle: usize,
    /// An idle connection makes one request before it does nothing.
    pub touch: bool,
    pub json: bool,
}

/// What the command line asks for; ends the process with exit code 2 if it is wrong.
pub fn parse() -> Options {
    read(env::args().skip(1)).unwrap_or_else(|message| {
        eprintln!("load: {message}\n{USAGE}");
        process::exit(2)
    })
}

fn read(mut words: impl Iterator<Item = String>) -> Result<Options, String> {
    let addr = words.next().ok_or("the address is missing")?;
    let mut options = Options {
        addr,
        mode: Mode::Echo,
        connections: 1,
        size: 64,
        pipeline: 1,
        seconds: 5.0,
        warmup: 0.0,
        pid: None,
        idle: 0,
        touch: false,
        json: false,
    };
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or(format!("{word} needs a value"));
        match word.as_str() {
            "--mode" => options.mode = mode(&value()?)?,
            "--connections" => options.connections = number(&value()?)?,
            "--size" => options.size = number(&value()?)?,
            "--pipeline" => options.pipeline = number(&value()?)?,
            "--seconds" => options.seconds = seconds(&value()?)?,
            "--warmup" => options.warmup = seconds(&value()?)?,
            "--pid" => options.pid = Some(number(&value()?)? as u32),
            "--idle" => options.idle = number(&value()?)?,
            "--touch" => options.touch = true,
            "--json" => options.json = true,
            _ => return Err(format!("unknown option {word:?}")),
        }
    }
    if options.connections == 0 || options.size == 0 || options.pipeline == 0 {
        return Err("--connections, --size and --pipeline are at least 1".into());
    }
    Ok(options)
}

fn mode(text: &str) -> Result<Mode, String> {
    match text {
        "echo" => Ok(Mode::Echo),
        "http" => Ok(Mode::Http),
        _ => Err(format!("no mode {text:?}; there are echo and http")),
    }
}

fn number(text: &str) -> Result<usize, String> {
    let plain = text.replace('_', "");
    plain
        .parse()
        .map_err(|_| format!("{text:?} is not a whole number"))
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(n) if (0.0..1e6).contains(&n) => Ok(n),
        _ => Err(format!("{text:?} is not a number of seconds")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &str) -> Result<Options, String> {
        read(line.split_whitespace().map(String::from))
    }

    #[test]
    fn every_option_is_read() {
        let options = of("a:1 --mode http --connections 1_000 --pipeline 4 --idle 9 --touch");
        let options = options.unwrap();
        assert_eq!((options.addr.as_str(), options.mode), ("a:1", Mode::Http));
        assert_eq!((options.connections, options.pipeline), (1000, 4));
        assert_eq!(
            (options.idle, options.touch, options.json),
            (9, true, false)
        );
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for line in [
            "",
            "a:1 --mode ftp",
            "a:1 --connections 0",
            "a:1 --seconds",
            "a:1 -x",
        ] {
            assert!(of(line).is_err(), "{line}");
        }
        assert!(of("a:1 --seconds -1").is_err());
        assert!(of("a:1 --seconds NaN").is_err());
    }
}
