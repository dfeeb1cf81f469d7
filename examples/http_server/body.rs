//! The body of a request.

use crate::{
    answer::{Failure, refuse},
    head::BodyLength,
    input::Input,
};
use httparse::Status;

/// How long a body may be.
const MOST_BYTES: usize = 1024 * 1024;
/// How long the line before a chunk may be: a number, and extensions that nobody uses.
const MOST_SIZE_LINE: usize = 256;
/// How long the fields behind the last chunk may be.
const MOST_TRAILERS: usize = 8 * 1024;

/// Whether a body of this length may come. Of a chunked one this is seen only as it comes.
pub(crate) fn check(length: BodyLength) -> Result<(), Failure> {
    match length {
        BodyLength::Fixed(length) if length > MOST_BYTES as u64 => Err(too_long()),
        _ => Ok(()),
    }
}

fn too_long() -> Failure {
    refuse(413, "a body has at most 1 MiB")
}

/// Reads a body to its end.
pub(crate) fn read(input: &mut Input<'_>, length: BodyLength) -> Result<Vec<u8>, Failure> {
    check(length)?;
    let mut body = Vec::new();
    match length {
        BodyLength::None => {}
        BodyLength::Fixed(length) => input.take_into(&mut body, length as usize)?,
        BodyLength::Chunked => {
            while let Some(size) = chunk_size(input)? {
                if size > (MOST_BYTES - body.len()) as u64 {
                    return Err(too_long());
                }
                input.take_into(&mut body, size as usize)?;
                expect_line_end(input)?;
            }
            skip_trailers(input)?;
        }
    }
    Ok(body)
}

/// The size of the next chunk; `None` for the last one, which is empty.
fn chunk_size(input: &mut Input<'_>) -> Result<Option<u64>, Failure> {
    loop {
        let line = &input.rest()[..input.rest().len().min(MOST_SIZE_LINE)];
        match httparse::parse_chunk_size(line) {
            Ok(Status::Complete((length, size))) => {
                input.consume(length);
                return Ok((size > 0).then_some(size));
            }
            Ok(Status::Partial) if line.len() < MOST_SIZE_LINE => more(input)?,
            _ => return Err(refuse(400, "a chunk starts with its size")),
        }
    }
}

fn expect_line_end(input: &mut Input<'_>) -> Result<(), Failure> {
    while input.rest().len() < 2 {
        more(input)?;
    }
    if !input.rest().starts_with(b"\r\n") {
        return Err(refuse(400, "a chunk is longer than its size"));
    }
    input.consume(2);
    Ok(())
}

/// Fields behind the body, up to an empty line: they are read and forgotten.
fn skip_trailers(input: &mut Input<'_>) -> Result<(), Failure> {
    let mut skipped = 0;
    loop {
        match input.rest().iter().position(|&byte| byte == b'\n') {
            Some(end) => {
                let is_empty = matches!(&input.rest()[..end], b"" | b"\r");
                input.consume(end + 1);
                if is_empty {
                    return Ok(());
                }
                skipped += end + 1;
            }
            None if skipped + input.rest().len() < MOST_TRAILERS => more(input)?,
            None => return Err(refuse(431, "the trailers are longer than 8 KiB")),
        }
        if skipped > MOST_TRAILERS {
            return Err(refuse(431, "the trailers are longer than 8 KiB"));
        }
    }
}

fn more(input: &mut Input<'_>) -> Result<(), Failure> {
    match input.fill()? {
        0 => Err(refuse(400, "the body ends in the middle")),
        _ => Ok(()),
    }
}
