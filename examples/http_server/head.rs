//! The head of a request: its first line and its header fields.

use crate::answer::{Failure, refuse};
use httparse::{EMPTY_HEADER, Error, Header, Request, Status};

/// How long a head may be.
const MOST_BYTES: usize = 8 * 1024;
/// How many header fields it may have.
const MOST_FIELDS: usize = 64;

/// What a request says about its body.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyLength {
    None,
    Fixed(u64),
    Chunked,
}

pub(crate) struct Head {
    pub(crate) method: String,
    /// Path and query.
    pub(crate) target: String,
    pub(crate) body: BodyLength,
    /// The client wants to hear that its body is welcome before it sends it.
    pub(crate) expects_continue: bool,
    /// The client sends more requests over this connection, perhaps.
    pub(crate) is_kept_alive: bool,
    /// HTTP/1.0: the client does not know that connections are kept alive unless told.
    pub(crate) is_old: bool,
}

/// The head that stands at the start of `bytes`, and its length; `None` if its end is missing yet.
pub(crate) fn parse(bytes: &[u8]) -> Result<Option<(Head, usize)>, Failure> {
    let bytes = &bytes[..bytes.len().min(MOST_BYTES)];
    let mut fields = [EMPTY_HEADER; MOST_FIELDS];
    let mut request = Request::new(&mut fields);
    match request.parse(bytes) {
        Ok(Status::Complete(length)) => Ok(Some((check(&request)?, length))),
        Ok(Status::Partial) if bytes.len() < MOST_BYTES => Ok(None),
        Ok(Status::Partial) if request.version.is_none() => {
            Err(refuse(414, "the first line is longer than 8 KiB"))
        }
        Ok(Status::Partial) => Err(refuse(431, "the head is longer than 8 KiB")),
        Err(Error::TooManyHeaders) => Err(refuse(431, "more than 64 header fields")),
        Err(Error::Version) if names_http(bytes) => Err(refuse(505, "this is HTTP/1.1")),
        Err(error) => Err(refuse(400, &format!("this is no HTTP request: {error}"))),
    }
}

/// Whether the first line ends in a version of HTTP, one of others.
fn names_http(bytes: &[u8]) -> bool {
    let mut lines = bytes.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii);
    let first = lines.find(|line| !line.is_empty()).unwrap_or_default();
    let last = first
        .rsplit(|&byte| byte == b' ')
        .next()
        .unwrap_or_default();
    last.starts_with(b"HTTP/")
}

/// What the fields say together.
fn check(request: &Request<'_, '_>) -> Result<Head, Failure> {
    let is_old = request.version == Some(0);
    let fields = &*request.headers;
    let hosts = all(fields, "host").count();
    if hosts > 1 || (hosts == 0 && !is_old) {
        return Err(refuse(400, "a request names one host"));
    }
    let body = body_length(fields, is_old)?;
    let expects_continue = match all(fields, "expect").next() {
        None => false,
        Some(value) if value.eq_ignore_ascii_case(b"100-continue") => !is_old,
        Some(_) => return Err(refuse(417, "nothing but 100-continue can be expected")),
    };
    let is_kept_alive = match is_old {
        true => has_token(fields, "connection", b"keep-alive"),
        false => !has_token(fields, "connection", b"close"),
    };
    Ok(Head {
        method: request.method.unwrap_or_default().to_owned(),
        target: path_and_query(request.path.unwrap_or_default())?.to_owned(),
        body,
        expects_continue,
        is_kept_alive,
        is_old,
    })
}

/// `/path?query` of what a first line asks for.
fn path_and_query(target: &str) -> Result<&str, Failure> {
    if target.starts_with('/') {
        return Ok(target);
    }
    // As proxies are asked: with scheme and host.
    let scheme = target
        .get(..7)
        .is_some_and(|start| start.eq_ignore_ascii_case("http://"));
    if !scheme {
        return Err(refuse(400, "a path starts with /"));
    }
    let rest = &target[7..];
    Ok(rest.find('/').map_or("/", |slash| &rest[slash..]))
}

/// How long the body is. Two who disagree about that would see different requests: nothing but one
/// clear statement is taken.
fn body_length(fields: &[Header<'_>], is_old: bool) -> Result<BodyLength, Failure> {
    let mut lengths = all(fields, "content-length");
    let mut codings = all(fields, "transfer-encoding");
    match (lengths.next(), codings.next()) {
        (None, None) => Ok(BodyLength::None),
        (Some(_), Some(_)) => Err(refuse(400, "a body has one length")),
        (Some(length), None) => {
            if lengths.any(|other| other != length) {
                return Err(refuse(400, "a body has one length"));
            }
            fixed(length)
        }
        (None, Some(_)) if is_old => Err(refuse(400, "HTTP/1.0 has no Transfer-Encoding")),
        (None, Some(coding)) => {
            if codings.next().is_some() || !coding.eq_ignore_ascii_case(b"chunked") {
                return Err(refuse(501, "the only Transfer-Encoding is chunked"));
            }
            Ok(BodyLength::Chunked)
        }
    }
}

fn fixed(digits: &[u8]) -> Result<BodyLength, Failure> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(refuse(400, "Content-Length is a number"));
    }
    // One that does not fit is too large in any case.
    let text = String::from_utf8_lossy(digits);
    Ok(BodyLength::Fixed(text.parse().unwrap_or(u64::MAX)))
}

/// The values of the fields of this name.
fn all<'a>(fields: &'a [Header<'a>], name: &'a str) -> impl Iterator<Item = &'a [u8]> {
    let named = fields
        .iter()
        .filter(move |field| field.name.eq_ignore_ascii_case(name));
    named.map(|field| field.value)
}

fn has_token(fields: &[Header<'_>], name: &str, token: &[u8]) -> bool {
    let mut tokens = all(fields, name).flat_map(|value| value.split(|&byte| byte == b','));
    tokens.any(|one| one.trim_ascii().eq_ignore_ascii_case(token))
}
