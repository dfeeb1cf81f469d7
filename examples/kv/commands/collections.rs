//! Lists, sets and hashes. One that becomes empty is removed, as in Redis.

use super::{Done, Refused};
use crate::resp::{self, Replies};
use crate::store::{Bytes, Shard, Store, Value};
use std::collections::{HashMap, HashSet, VecDeque};

/// Which end of a list.
#[derive(Clone, Copy)]
enum End {
    Left,
    Right,
}

/// A kind of value, and how to get at it.
trait Kind: Sized {
    const NEW: fn() -> Value;
    fn of(value: &mut Value) -> Option<&mut Self>;
}

macro_rules! kind {
    ($type:ty, $variant:ident) => {
        impl Kind for $type {
            const NEW: fn() -> Value = || Value::$variant(Self::new());

            fn of(value: &mut Value) -> Option<&mut Self> {
                match value {
                    Value::$variant(inside) => Some(inside),
                    _ => None,
                }
            }
        }
    };
}

kind!(VecDeque<Bytes>, List);
kind!(HashSet<Bytes>, Set);
kind!(HashMap<Bytes, Bytes>, Hash);

/// What stands under a key, if there is anything; it must be of this kind.
fn find<'a, K: Kind>(shard: &'a mut Shard, key: &[u8]) -> Result<Option<&'a mut K>, Refused> {
    match shard.get(key) {
        None => Ok(None),
        Some(value) => K::of(value).map(Some).ok_or(Refused::WrongType),
    }
}

/// As [`find`], but puts an empty one under the key if there is nothing.
fn find_or_new<'a, K: Kind>(shard: &'a mut Shard, key: &[u8]) -> Result<&'a mut K, Refused> {
    K::of(shard.get_or_insert(key, K::NEW)).ok_or(Refused::WrongType)
}

pub(super) fn lpush(store: &Store, arguments: &[&[u8]], replies: &mut Replies) -> Done {
    push(store, arguments, End::Left, replies)
}

pub(super) fn rpush(store: &Store, arguments: &[&[u8]], replies: &mut Replies) -> Done {
    push(store, arguments, End::Right, replies)
}

fn push(store: &Store, arguments: &[&[u8]], end: End, replies: &mut Replies) -> Done {
    let mut shard = store.shard(arguments[0]);
    let list: &mut VecDeque<Bytes> = find_or_new(&mut shard, arguments[0])?;
    for item in &arguments[1..] {
        match end {
            End::Left => list.push_front(item.to_vec()),
            End::Right => list.push_back(item.to_vec()),
        }
    }
    replies.count(list.len());
    Ok(())
}

pub(super) fn lpop(store: &Store, arguments: &[&[u8]], replies: &mut Replies) -> Done {
    pop(store, arguments, End::Left, replies)
}

pub(super) fn rpop(store: &Store, arguments: &[&[u8]], replies: &mut Replies) -> Done {
    pop(store, arguments, End::Right, replies)
}

/// One item, or with a count an array of so many at most.
fn pop(store: &Store, arguments: &[&[u8]], end: End, replies: &mut Replies) -> Done {
    let key = arguments[0];
    let count: Option<usize> = match arguments.get(1) {
        Some(count) => Some(resp::number(count).ok_or(Refused::NotANumber)?),
        None => None,
    };
    let mut shard = store.shard(key);
    let Some(list) = find::<VecDeque<Bytes>>(&mut shard, key)? else {
        replies.null();
        return Ok(());
    };
    let mut pop_one = || match end {
        End::Left => list.pop_front(),
        End::Right => list.pop_back(),
    };
    match count {
        None => replies.bulk_or_null(pop_one().as_deref()),
        Some(count) => {
            let popped: Vec<Bytes> = (0..count).map_while(|_| pop_one()).collect();
            replies.bulks(popped.iter().map(Vec::as_slice));
        }
    }
    if list.is_empty() {
        shard.remove(key);
    }
    Ok(())
}

/// LRANGE key first last: both count from the end if they are negative, and may lie outside.
pub(super) fn lrange(store: &Store, arguments: &[&[u8]], replies: &mut Replies) -> Done {
    let index = |text| resp::number::<i64>(text).ok_or(Refused::NotANumber);
    let (first, last) = (index(arguments[1])?, index(arguments[2])?);
    let mut shard = store.shard(arguments[0]);
    let Some(list) = find::<VecDeque<Bytes>>(&mut shard, arguments[0])? else {
        replies.array(0);
        return Ok(());
    };
    let length = list.len();
    let from_front = |i: i64| {
        let i = if i < 0 {
            i.saturating_add_unsigned(length as u64)
        } else {
            i
        };
        i.max(-1)
    };
    let first = usize::try_from(from_front(first)).unwrap_or(0);
    let end = usize::try_from(from_front(last).saturating_add(1))
        .unwrap_or(0)
        .min(length);
    let range = first.min(end)..end;
    replies.bulks(list.range(range).map(Vec::as_slice));
    Ok(())
}

pub(super) fn llen(store: &Store, arguments: &[&[u8]], replies: &mut Replies) -> Done {
    let mut shard = store.shard(arguments[0]);
    let list = find::<VecDeque<Bytes>>(&mut shard, arguments[0])?;
    replies.count(list.map_or(0, |list| list.len()));
    Ok(())
}

pub(super) fn sadd(store: &Store, arguments: &[&[u8]], replies: &mut Replies) -> Done {
    let mut shard = store.shard(arguments[0]);
    let set: &mut HashSet<Bytes> = find_or_new(&mut shard, arguments[0])?;
    let added = arguments[1..]
        .iter()
        .filter(|item| set.insert(item.to_vec()));
    replies.count(added.count());
    Ok(())
}

pub(super) fn smembers(store: &Store, arguments: &[&[u8]], replies: &mut Replies) -> Done {
    let mut shard = store.shard(arguments[0]);
    match find::<HashSet<Bytes>>(&mut shard, arguments[0])? {
        Some(set) => replies.bulks(set.iter().map(Vec::as_slice)),
        None => replies.array(0),
    }
    Ok(())
}

pub(super) fn sismember(store: &Store, arguments: &[&[u8]], replies: &mut Replies) -> Done {
    let mut shard = store.shard(arguments[0]);
    let set = find::<HashSet<Bytes>>(&mut shard, arguments[0])?;
    let is_in = set.is_some_and(|set| set.contains(arguments[1]));
    replies.integer(is_in.into());
    Ok(())
}

/// Answers how many fields are new.
pub(super) fn hset(store: &Store, arguments: &[&[u8]], replies: &mut Replies) -> Done {
    let (pairs, rest) = arguments[1..].as_chunks::<2>();
    if !rest.is_empty() {
        return Err(Refused::Arguments("hset"));
    }
    let mut shard = store.shard(arguments[0]);
    let hash: &mut HashMap<Bytes, Bytes> = find_or_new(&mut shard, arguments[0])?;
    let mut is_new = |[field, value]: &[&[u8]; 2]| {
        let old = hash.insert(field.to_vec(), value.to_vec());
        old.is_none()
    };
    let added = pairs.iter().filter(|pair| is_new(pair)).count();
    replies.count(added);
    Ok(())
}

pub(super) fn hget(store: &Store, arguments: &[&[u8]], replies: &mut Replies) -> Done {
    let mut shard = store.shard(arguments[0]);
    let hash = find::<HashMap<Bytes, Bytes>>(&mut shard, arguments[0])?;
    let value = hash.and_then(|hash| hash.get(arguments[1]));
    replies.bulk_or_null(value.map(Vec::as_slice));
    Ok(())
}

pub(super) fn hgetall(store: &Store, arguments: &[&[u8]], replies: &mut Replies) -> Done {
    let mut shard = store.shard(arguments[0]);
    let Some(hash) = find::<HashMap<Bytes, Bytes>>(&mut shard, arguments[0])? else {
        replies.array(0);
        return Ok(());
    };
    replies.array(hash.len() * 2);
    for (field, value) in hash {
        replies.bulk(field);
        replies.bulk(value);
    }
    Ok(())
}
