//! One direction of a connection.

use gort::net::TcpStream;
use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;

/// What one direction has come to.
pub(crate) struct Pumped {
    pub(crate) bytes: u64,
    pub(crate) result: io::Result<()>,
}

/// Copies what is read from one side to the other, to its end, then passes the end on: the other
/// direction goes on. If it fails, both directions are over. Data is read only as fast as it can be
/// written.
pub(crate) fn pump(from: impl Read, to: &TcpStream) -> Pumped {
    let mut bytes = 0;
    let result = copy(from, to, &mut bytes);
    if result.is_ok() {
        // This fails if the peer is gone already, which the other direction reports.
        let _ = to.shutdown(Shutdown::Write);
    } else {
        // This ends the other direction, which reads from there.
        let _ = to.shutdown(Shutdown::Both);
    }
    Pumped { bytes, result }
}

/// As `std::io::copy`, but it also counts what went through before an error.
fn copy(mut from: impl Read, mut to: &TcpStream, bytes: &mut u64) -> io::Result<()> {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(n) => {
                to.write_all(&buffer[..n])?;
                *bytes += n as u64;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
