//! Lines of SMTP.

use std::io::{self, BufRead, ErrorKind, Read};

/// How long a line may be.
const MOST_BYTES: u64 = 1000;

/// The next line without its end; `None` if the other side has no more to say.
pub(crate) fn read(input: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    input.take(MOST_BYTES).read_until(b'\n', &mut line)?;
    if line.is_empty() {
        return Ok(None);
    }
    if line.pop() != Some(b'\n') {
        return Err(io::Error::new(
            ErrorKind::InvalidData,
            "a line is too long, or cut off",
        ));
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    Ok(Some(line))
}
