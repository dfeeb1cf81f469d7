//! What the command line says.

use std::time::Duration;

pub(crate) const USAGE: &str = "usage: http_server [ADDRESS] [--head-ms MS] [--idle-ms MS] \
    [--body-ms MS] [--write-ms MS] [--grace-ms MS]";

/// Where it listens, and how long clients may take.
pub(crate) struct Options {
    pub(crate) address: String,
    /// From the first byte of a request to the end of its head.
    pub(crate) head: Duration,
    /// From one request to the next.
    pub(crate) idle: Duration,
    /// From the end of the head to the end of the body.
    pub(crate) body: Duration,
    /// To take an answer.
    pub(crate) write: Duration,
    /// For the requests under way when the server stops.
    pub(crate) grace: Duration,
}

impl Options {
    pub(crate) fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self {
            address: String::from("127.0.0.1:8080"),
            head: Duration::from_secs(10),
            idle: Duration::from_secs(60),
            body: Duration::from_secs(30),
            write: Duration::from_secs(30),
            grace: Duration::from_secs(5),
        };
        let mut has_address = false;
        while let Some(argument) = arguments.next() {
            let time = match &*argument {
                "--head-ms" => &mut options.head,
                "--idle-ms" => &mut options.idle,
                "--body-ms" => &mut options.body,
                "--write-ms" => &mut options.write,
                "--grace-ms" => &mut options.grace,
                _ if has_address || argument.starts_with('-') => {
                    return Err(format!("unknown argument {argument}"));
                }
                _ => {
                    options.address = argument;
                    has_address = true;
                    continue;
                }
            };
            let ms = arguments.next().and_then(|ms| ms.parse::<u32>().ok());
            let ms = ms.ok_or_else(|| format!("{argument} wants a number of milliseconds"))?;
            *time = Duration::from_millis(u64::from(ms));
        }
        Ok(options)
    }
}
