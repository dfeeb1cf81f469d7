//! What clients ask the server itself.

use super::{Done, Refused};
use crate::resp::Replies;
use crate::store::Store;

/// The settings that `redis-benchmark` asks for: nothing is written to a disk.
const SETTINGS: &[(&str, &str)] = &[("save", ""), ("appendonly", "no")];

pub(super) fn ping(_: &Store, arguments: &[&[u8]], replies: &mut Replies) -> Done {
    match arguments.first() {
        Some(text) => replies.bulk(text),
        None => replies.simple("PONG"),
    }
    Ok(())
}

pub(super) fn echo(_: &Store, arguments: &[&[u8]], replies: &mut Replies) -> Done {
    replies.bulk(arguments[0]);
    Ok(())
}

/// CONFIG GET, with as many patterns as wished.
pub(super) fn config(_: &Store, arguments: &[&[u8]], replies: &mut Replies) -> Done {
    let (verb, patterns) = arguments.split_first().ok_or(Refused::Syntax)?;
    if !verb.eq_ignore_ascii_case(b"get") || patterns.is_empty() {
        return Err(Refused::Syntax);
    }
    let is_wanted = |name: &str| {
        let name = name.as_bytes();
        let mut patterns = patterns.iter().map(|pattern| pattern.to_ascii_lowercase());
        patterns.any(|pattern| crate::glob::matches(&pattern, name))
    };
    let found: Vec<_> = SETTINGS.iter().filter(|s| is_wanted(s.0)).collect();
    replies.array(found.len() * 2);
    for (name, value) in found {
        replies.bulk(name.as_bytes());
        replies.bulk(value.as_bytes());
    }
    Ok(())
}

/// `redis-cli` asks for the documents of commands when it starts; it does without.
pub(super) fn command(_: &Store, _: &[&[u8]], replies: &mut Replies) -> Done {
    replies.array(0);
    Ok(())
}
