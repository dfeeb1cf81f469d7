//! Strings, and strings that are numbers.

use super::{Done, Refused};
use crate::resp::{self, Replies};
use crate::store::{Shard, Store, Value};
use std::time::{Duration, Instant};

/// The string under a key, if there is anything.
fn text<'a>(shard: &'a mut Shard, key: &[u8]) -> Result<Option<&'a mut Vec<u8>>, Refused> {
    match shard.get(key) {
        None => Ok(None),
        Some(Value::Text(text)) => Ok(Some(text)),
        Some(_) => Err(Refused::WrongType),
    }
}

pub(super) fn get(store: &Store, arguments: &[&[u8]], replies: &mut Replies) -> Done {
    let mut shard = store.shard(arguments[0]);
    let text = text(&mut shard, arguments[0])?;
    replies.bulk_or_null(text.map(|text| &**text));
    Ok(())
}

/// What is said behind SET's key and value.
#[derive(Default)]
struct SetOptions {
    over: Option<Instant>,
    /// Whether there must be a value, or must be none.
    must_exist: Option<bool>,
}

impl SetOptions {
    fn parse(mut words: &[&[u8]]) -> Result<Self, Refused> {
        let mut options = Self::default();
        while let Some((word, rest)) = words.split_first() {
            words = rest;
            let unit = match word.to_ascii_lowercase().as_slice() {
                b"nx" | b"xx" if options.must_exist.is_some() => return Err(Refused::Syntax),
                b"nx" => {
                    options.must_exist = Some(false);
                    continue;
                }
                b"xx" => {
                    options.must_exist = Some(true);
                    continue;
                }
                b"ex" => 1000,
                b"px" => 1,
                _ => return Err(Refused::Syntax),
            };
            let (number, rest) = words.split_first().ok_or(Refused::Syntax)?;
            words = rest;
            if options.over.is_some() {
                return Err(Refused::Syntax);
            }
            let number: i64 = resp::number(number).ok_or(Refused::NotANumber)?;
            let over = u64::try_from(number).ok().filter(|&n| n > 0);
            let over = over.and_then(|n| n.checked_mul(unit));
            let over = over.and_then(|n| Instant::now().checked_add(Duration::from_millis(n)));
            options.over = Some(over.ok_or(Refused::BadExpiry("set"))?);
        }
        Ok(options)
    }
}

/// SET key value [NX | XX] [EX seconds | PX milliseconds]
pub(super) fn set(store: &Store, arguments: &[&[u8]], replies: &mut Replies) -> Done {
    let (key, value) = (arguments[0], arguments[1]);
    let options = SetOptions::parse(&arguments[2..])?;
    let mut shard = store.shard(key);
    match options.must_exist {
        Some(must_exist) if shard.get(key).is_some() != must_exist => replies.null(),
        _ => {
            shard.insert(key, Value::Text(value.to_vec()), options.over);
            replies.ok();
        }
    }
    Ok(())
}

pub(super) fn incr(store: &Store, arguments: &[&[u8]], replies: &mut Replies) -> Done {
    add(store, arguments[0], 1, replies)
}

pub(super) fn decr(store: &Store, arguments: &[&[u8]], replies: &mut Replies) -> Done {
    add(store, arguments[0], -1, replies)
}

pub(super) fn incr_by(store: &Store, arguments: &[&[u8]], replies: &mut Replies) -> Done {
    let number = resp::number(arguments[1]).ok_or(Refused::NotANumber)?;
    add(store, arguments[0], number, replies)
}

/// Adds under the lock: no other client's addition is lost. The key's end stays.
fn add(store: &Store, key: &[u8], number: i64, replies: &mut Replies) -> Done {
    let mut shard = store.shard(key);
    let sum = match text(&mut shard, key)? {
        Some(text) => {
            let old: i64 = resp::number(text).ok_or(Refused::NotANumber)?;
            let sum = old.checked_add(number).ok_or(Refused::Overflow)?;
            *text = sum.to_string().into_bytes();
            sum
        }
        None => {
            shard.insert(key, Value::Text(number.to_string().into_bytes()), None);
            number
        }
    };
    replies.integer(sum);
    Ok(())
}

/// What is no string counts as nothing here, as in Redis.
pub(super) fn mget(store: &Store, keys: &[&[u8]], replies: &mut Replies) -> Done {
    let mut locked = store.lock(keys.iter().copied());
    replies.array(keys.len());
    for key in keys {
        let text = text(locked.shard(key), key).unwrap_or(None);
        replies.bulk_or_null(text.map(|text| &**text));
    }
    Ok(())
}

/// Sets all of them at once: no client sees some of them only.
pub(super) fn mset(store: &Store, arguments: &[&[u8]], replies: &mut Replies) -> Done {
    let (pairs, rest) = arguments.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(Refused::Arguments("mset"));
    }
    let mut locked = store.lock(pairs.iter().map(|pair| pair[0]));
    for [key, value] in pairs {
        let value = Value::Text(value.to_vec());
        locked.shard(key).insert(key, value, None);
    }
    replies.ok();
    Ok(())
}
