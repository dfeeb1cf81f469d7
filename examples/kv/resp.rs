//! The protocol, RESP version 2: requests are arrays of byte strings, or words on a line ("inline
//! commands", for people with netcat). Replies have a mark for their type in front.

use std::ops::Range;

/// The longest byte string of a request.
pub(crate) const MAX_BULK: usize = 16 << 20;
/// The most byte strings of a request.
pub(crate) const MAX_ARGUMENTS: usize = 1 << 16;
/// The longest request, with its lengths.
pub(crate) const MAX_REQUEST: usize = 64 << 20;
/// The longest inline command.
pub(crate) const MAX_INLINE: usize = 64 << 10;
/// The longest line that says a length.
const MAX_LENGTH_LINE: usize = 32;

/// What a protocol error is answered with; the connection is closed then, because nobody knows
/// where the next request would begin.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Malformed(pub(crate) &'static str);

const BAD_COUNT: Malformed = Malformed("Protocol error: invalid multibulk length");
const BAD_LENGTH: Malformed = Malformed("Protocol error: invalid bulk length");
const NO_BULK: Malformed = Malformed("Protocol error: expected '$'");
const NO_LINE_END: Malformed = Malformed("Protocol error: expected CRLF after a bulk");
const LONG_INLINE: Malformed = Malformed("Protocol error: too big inline request");
const LONG_REQUEST: Malformed = Malformed("Protocol error: too big request");

/// A whole request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Request<'a> {
    /// The command's name, and what it is told; empty for an empty line.
    pub(crate) arguments: Vec<&'a [u8]>,
    /// How many bytes of the input it takes.
    pub(crate) length: usize,
}

/// Parses requests that come in pieces. What has been parsed of a request is kept, so that one that
/// comes byte by byte costs no more than one that comes at once.
#[derive(Debug, Default)]
pub(crate) struct Parser {
    /// How many byte strings the request says it has, once that is known.
    count: Option<usize>,
    /// Where those are that have come, from the request's beginning.
    found: Vec<Range<usize>>,
    /// Up to where the request has been looked at.
    at: usize,
}

impl Parser {
    /// The request at the beginning of the input, or `None` if it has not come whole; then the next
    /// call is to be given the same bytes, and more.
    pub(crate) fn parse<'a>(&mut self, input: &'a [u8]) -> Result<Option<Request<'a>>, Malformed> {
        let is_whole = match input.first() {
            None => false,
            Some(b'*') => self.parse_array(input)?,
            Some(_) => return self.parse_inline(input),
        };
        if !is_whole {
            return Ok(None);
        }
        let arguments = self.found.drain(..).map(|range| &input[range]).collect();
        let length = self.at;
        self.reset();
        Ok(Some(Request { arguments, length }))
    }

    fn reset(&mut self) {
        // The vector keeps its memory, unless the request was an unusual one.
        self.found.shrink_to(64);
        (self.count, self.at) = (None, 0);
    }

    fn parse_inline<'a>(&mut self, input: &'a [u8]) -> Result<Option<Request<'a>>, Malformed> {
        let new = &input[self.at..];
        let end = new.iter().position(|&byte| byte == b'\n');
        let seen = self.at + end.unwrap_or(new.len());
        if seen > MAX_INLINE {
            return Err(LONG_INLINE);
        }
        self.at = seen;
        if end.is_none() {
            return Ok(None);
        }
        self.reset();
        let words = input[..seen].split(u8::is_ascii_whitespace);
        let arguments = words.filter(|word| !word.is_empty()).collect();
        let length = seen + 1;
        Ok(Some(Request { arguments, length }))
    }

    /// Whether an array has come whole.
    fn parse_array(&mut self, input: &[u8]) -> Result<bool, Malformed> {
        let count = match self.count {
            Some(count) => count,
            None => {
                let Some((count, length)) = line(&input[1..], BAD_COUNT)? else {
                    return Ok(false);
                };
                // A negative count is an empty request, as in Redis.
                let count: i64 = number(count).ok_or(BAD_COUNT)?;
                let count = usize::try_from(count).unwrap_or(0);
                if count > MAX_ARGUMENTS {
                    return Err(BAD_COUNT);
                }
                self.at = 1 + length;
                *self.count.insert(count)
            }
        };
        // What is announced is not believed before it comes: no memory for it yet.
        while self.found.len() < count {
            let Some((range, length)) = parse_bulk(&input[self.at..])? else {
                let is_long = input.len() > MAX_REQUEST;
                return if is_long {
                    Err(LONG_REQUEST)
                } else {
                    Ok(false)
                };
            };
            self.found.push(self.at + range.start..self.at + range.end);
            self.at += length;
        }
        Ok(true)
    }
}

/// Where a byte string with its length in front is, and how many bytes both take.
fn parse_bulk(input: &[u8]) -> Result<Option<(Range<usize>, usize)>, Malformed> {
    match input.first() {
        None => return Ok(None),
        Some(b'$') => {}
        Some(_) => return Err(NO_BULK),
    }
    let Some((length, start)) = line(&input[1..], BAD_LENGTH)? else {
        return Ok(None);
    };
    let start = start + 1;
    let length: usize = number(length).ok_or(BAD_LENGTH)?;
    if length > MAX_BULK {
        return Err(BAD_LENGTH);
    }
    let end = start + length;
    match input.get(end..end + 2) {
        Some(b"\r\n") => Ok(Some((start..end, end + 2))),
        Some(_) => Err(NO_LINE_END),
        None => Ok(None),
    }
}

/// The short line at the beginning, without its end, and how many bytes both take; `error` if it
/// is too long for a length.
fn line(input: &[u8], error: Malformed) -> Result<Option<(&[u8], usize)>, Malformed> {
    let head = &input[..input.len().min(MAX_LENGTH_LINE)];
    match head.iter().position(|&byte| byte == b'\n') {
        Some(end) => {
            let line = &input[..end];
            Ok(Some((line.strip_suffix(b"\r").unwrap_or(line), end + 1)))
        }
        None if head.len() == MAX_LENGTH_LINE => Err(error),
        None => Ok(None),
    }
}

/// A whole number in decimal.
pub(crate) fn number<T: std::str::FromStr>(text: &[u8]) -> Option<T> {
    // `parse` takes a plus in front, which Redis does not.
    if text.first() == Some(&b'+') {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// Replies, one after the other, until they are written.
#[derive(Debug, Default)]
pub(crate) struct Replies {
    pub(crate) bytes: Vec<u8>,
}

impl Replies {
    pub(crate) fn ok(&mut self) {
        self.simple("OK");
    }

    /// A short text that is known to have no line end.
    pub(crate) fn simple(&mut self, text: &str) {
        self.line('+', text);
    }

    /// Text for people: what would end the line becomes a space.
    pub(crate) fn error(&mut self, text: &str) {
        self.line('-', &text.replace(['\r', '\n'], " "));
    }

    pub(crate) fn integer(&mut self, number: i64) {
        self.line(':', &number.to_string());
    }

    /// As `integer`, for how many there are of something.
    pub(crate) fn count(&mut self, number: usize) {
        self.line(':', &number.to_string());
    }

    pub(crate) fn bulk(&mut self, bytes: &[u8]) {
        self.line('$', &bytes.len().to_string());
        self.bytes.extend_from_slice(bytes);
        self.bytes.extend_from_slice(b"\r\n");
    }

    /// Says that there is nothing.
    pub(crate) fn null(&mut self) {
        self.line('$', "-1");
    }

    pub(crate) fn bulk_or_null(&mut self, bytes: Option<&[u8]>) {
        match bytes {
            Some(bytes) => self.bulk(bytes),
            None => self.null(),
        }
    }

    /// So many replies follow that belong together.
    pub(crate) fn array(&mut self, length: usize) {
        self.line('*', &length.to_string());
    }

    /// An array of byte strings.
    pub(crate) fn bulks<'a>(&mut self, items: impl ExactSizeIterator<Item = &'a [u8]>) {
        self.array(items.len());
        items.for_each(|item| self.bulk(item));
    }

    fn line(&mut self, mark: char, text: &str) {
        self.bytes.push(mark as u8);
        self.bytes.extend_from_slice(text.as_bytes());
        self.bytes.extend_from_slice(b"\r\n");
    }
}
