//! Connections that do nothing, and the memory that each takes in the server.

use crate::{
    connection::{self, Exchange},
    options::Options,
    process::Usage,
};
use std::{io, time::Duration};
use tokio::{net::TcpStream, time::sleep};

/// The server has taken all connections when its memory has not grown for so many looks.
const SAME_LOOKS: u32 = 5;
const MAX_LOOKS: u32 = 100;
const BETWEEN_LOOKS: Duration = Duration::from_millis(100);

/// The server's RSS around the opening.
pub struct Memory {
    pub before_kib: u64,
    pub after_kib: u64,
}

pub struct Idle {
    streams: Vec<TcpStream>,
    /// There if there are idle connections and a process to look at.
    pub memory: Option<Memory>,
}

impl Idle {
    /// Opens them; with `--touch` each makes one request. Then waits until the server's memory
    /// stands still.
    pub async fn open(options: &Options, exchange: &Exchange) -> io::Result<Self> {
        if options.idle == 0 {
            return Ok(Self {
                streams: Vec::new(),
                memory: None,
            });
        }
        let before = options.pid.map(Usage::of).transpose()?;
        let mut streams = connection::open(&options.addr, options.idle).await?;
        if options.touch {
            let mut buffer = exchange.buffer();
            for stream in &mut streams {
                exchange.once(stream, &mut buffer).await?;
            }
        }
        let memory = match options.pid.zip(before) {
            None => None,
            Some((pid, before)) => Some(Memory {
                before_kib: before.rss_kib,
                after_kib: settled(pid).await?,
            }),
        };
        Ok(Self { streams, memory })
    }

    /// How many the server has closed, or has sent something to that nobody asked for.
    pub fn lost(&self) -> usize {
        let is_quiet = |stream: &TcpStream| match stream.try_read(&mut [0]) {
            Err(error) => error.kind() == io::ErrorKind::WouldBlock,
            Ok(_) => false,
        };
        self.streams.iter().filter(|s| !is_quiet(s)).count()
    }
}

/// The server's RSS once it has stood still for a while.
async fn settled(pid: u32) -> io::Result<u64> {
    let (mut rss, mut same) = (Usage::of(pid)?.rss_kib, 0);
    for _ in 0..MAX_LOOKS {
        sleep(BETWEEN_LOOKS).await;
        let now = Usage::of(pid)?.rss_kib;
        same = if now == rss { same + 1 } else { 0 };
        rss = now;
        if same == SAME_LOOKS {
            break;
        }
    }
    Ok(rss)
}
