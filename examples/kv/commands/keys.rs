//! Keys, whatever stands under them.

use super::{Done, Refused};
use crate::glob;
use crate::resp::{self, Replies};
use crate::store::Store;
use std::time::{Duration, Instant};

pub(super) fn del(store: &Store, keys: &[&[u8]], replies: &mut Replies) -> Done {
    let mut locked = store.lock(keys.iter().copied());
    let removed = keys.iter().filter(|key| locked.shard(key).remove(key));
    replies.count(removed.count());
    Ok(())
}

/// A key that is named twice counts twice, as in Redis.
pub(super) fn exists(store: &Store, keys: &[&[u8]], replies: &mut Replies) -> Done {
    let mut locked = store.lock(keys.iter().copied());
    let found = keys
        .iter()
        .filter(|key| locked.shard(key).get(key).is_some());
    replies.count(found.count());
    Ok(())
}

/// A number of seconds below one removes the key at once.
pub(super) fn expire(store: &Store, arguments: &[&[u8]], replies: &mut Replies) -> Done {
    let (key, seconds) = (arguments[0], resp::number::<i64>(arguments[1]));
    let seconds = seconds.ok_or(Refused::NotANumber)?;
    let mut shard = store.shard(key);
    let is_there = match u64::try_from(seconds) {
        Ok(seconds @ 1..) => {
            let over = Instant::now().checked_add(Duration::from_secs(seconds));
            let over = over.ok_or(Refused::BadExpiry("expire"))?;
            shard.get(key).is_some() && shard.set_end(key, Some(over))
        }
        _ => shard.remove(key),
    };
    replies.integer(is_there.into());
    Ok(())
}

/// The seconds that are left, to the nearest; -1 if it has no end, -2 if there is no such key.
pub(super) fn ttl(store: &Store, arguments: &[&[u8]], replies: &mut Replies) -> Done {
    let end = store.shard(arguments[0]).end(arguments[0]);
    replies.integer(match end {
        None => -2,
        Some(None) => -1,
        Some(Some(over)) => {
            let left = over.saturating_duration_since(Instant::now());
            let nearest = left.saturating_add(Duration::from_millis(500));
            i64::try_from(nearest.as_secs()).unwrap_or(i64::MAX)
        }
    });
    Ok(())
}

pub(super) fn persist(store: &Store, arguments: &[&[u8]], replies: &mut Replies) -> Done {
    let mut shard = store.shard(arguments[0]);
    let has_end = matches!(shard.end(arguments[0]), Some(Some(_)));
    if has_end {
        shard.set_end(arguments[0], None);
    }
    replies.integer(has_end.into());
    Ok(())
}

/// Shard after shard: keys that come and go meanwhile may be in the answer or not.
pub(super) fn keys(store: &Store, arguments: &[&[u8]], replies: &mut Replies) -> Done {
    let mut found: Vec<Vec<u8>> = Vec::new();
    for shard in store.each() {
        let matching = shard.keys().filter(|key| glob::matches(arguments[0], key));
        found.extend(matching.cloned());
    }
    replies.bulks(found.iter().map(Vec::as_slice));
    Ok(())
}

pub(super) fn db_size(store: &Store, _: &[&[u8]], replies: &mut Replies) -> Done {
    replies.count(store.each().map(|shard| shard.len()).sum());
    Ok(())
}

/// FLUSHALL, or FLUSHALL SYNC or ASYNC, which are the same here.
pub(super) fn flush_all(store: &Store, arguments: &[&[u8]], replies: &mut Replies) -> Done {
    let is_known =
        |word: &[u8]| word.eq_ignore_ascii_case(b"sync") || word.eq_ignore_ascii_case(b"async");
    if !arguments.iter().all(|word| is_known(word)) {
        return Err(Refused::Syntax);
    }
    store.each().for_each(|mut shard| shard.clear());
    replies.ok();
    Ok(())
}
