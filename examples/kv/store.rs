//! The map: keys spread over shards, each under a mutex of its own, so that clients seldom wait for
//! each other. A key's value may have a time at which it is over; then it is removed when somebody
//! asks for it, or by the sweep.

use gort::sync::{Mutex, MutexGuard};
use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::time::Instant;

/// More than workers, so that two of them seldom meet in one.
const SHARDS: usize = 64;

pub(crate) type Bytes = Vec<u8>;

/// What stands under a key.
#[derive(Debug)]
pub(crate) enum Value {
    Text(Bytes),
    List(VecDeque<Bytes>),
    Set(HashSet<Bytes>),
    Hash(HashMap<Bytes, Bytes>),
}

#[derive(Debug)]
struct Entry {
    value: Value,
    /// When it is over, if ever.
    over: Option<Instant>,
}

/// One part of the map.
#[derive(Debug, Default)]
pub(crate) struct Shard {
    entries: HashMap<Bytes, Entry>,
    /// The keys that have an end, the first to end in front: exactly those with a time in
    /// `entries`.
    ends: BTreeSet<(Instant, Bytes)>,
}

/// What all clients share.
#[derive(Debug)]
pub(crate) struct Store {
    shards: Vec<Mutex<Shard>>,
    hasher: RandomState,
}

impl Store {
    pub(crate) fn new() -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::new(Shard::default())).collect(),
            hasher: RandomState::new(),
        }
    }

    /// The shard of this key, locked.
    pub(crate) fn shard(&self, key: &[u8]) -> MutexGuard<'_, Shard> {
        self.shards[self.index(key)].lock()
    }

    /// The shards of all these keys, locked, so that no other client sees a part of a change. The
    /// locks are taken in the order of the shards: two clients with the same keys in another order
    /// do not wait for each other forever.
    pub(crate) fn lock<'k>(&self, keys: impl Iterator<Item = &'k [u8]>) -> Locked<'_> {
        let mut indices: Vec<usize> = keys.map(|key| self.index(key)).collect();
        indices.sort_unstable();
        indices.dedup();
        let lock = |i: usize| (i, self.shards[i].lock());
        Locked {
            store: self,
            guards: indices.into_iter().map(lock).collect(),
        }
    }

    /// All shards, one after the other.
    pub(crate) fn each(&self) -> impl Iterator<Item = MutexGuard<'_, Shard>> {
        self.shards.iter().map(Mutex::lock)
    }

    /// Removes what is over.
    pub(crate) fn remove_expired(&self) {
        self.each().for_each(|mut shard| shard.remove_expired());
    }

    fn index(&self, key: &[u8]) -> usize {
        // The remainder is below the number of shards.
        (self.hasher.hash_one(key) % SHARDS as u64) as usize
    }
}

/// Some of the shards, locked.
pub(crate) struct Locked<'a> {
    store: &'a Store,
    guards: Vec<(usize, MutexGuard<'a, Shard>)>,
}

impl Locked<'_> {
    /// The shard of one of the keys that this was locked for.
    pub(crate) fn shard(&mut self, key: &[u8]) -> &mut Shard {
        let index = self.store.index(key);
        let at = self.guards.binary_search_by_key(&index, |guard| guard.0);
        &mut self.guards[at.expect("its shard is locked")].1
    }
}

impl Shard {
    /// The value under a key, unless it is over.
    pub(crate) fn get(&mut self, key: &[u8]) -> Option<&mut Value> {
        self.remove_if_over(key);
        self.entries.get_mut(key).map(|entry| &mut entry.value)
    }

    /// The value under a key; `new()` is put there if there is none.
    pub(crate) fn get_or_insert(&mut self, key: &[u8], new: fn() -> Value) -> &mut Value {
        self.remove_if_over(key);
        let entry = || Entry {
            value: new(),
            over: None,
        };
        let place = self.entries.entry(key.to_vec());
        &mut place.or_insert_with(entry).value
    }

    /// Puts a value under a key, in the place of another and of its end.
    pub(crate) fn insert(&mut self, key: &[u8], value: Value, over: Option<Instant>) {
        let entry = Entry { value, over: None };
        if let Some(old) = self.entries.insert(key.to_vec(), entry) {
            self.forget_end(key, old.over);
        }
        self.set_end(key, over);
    }

    /// Whether there was something.
    pub(crate) fn remove(&mut self, key: &[u8]) -> bool {
        self.remove_if_over(key);
        match self.entries.remove(key) {
            Some(old) => {
                self.forget_end(key, old.over);
                true
            }
            None => false,
        }
    }

    /// When the value under this key is over, if there is one; `Some(None)` is never.
    pub(crate) fn end(&mut self, key: &[u8]) -> Option<Option<Instant>> {
        self.remove_if_over(key);
        self.entries.get(key).map(|entry| entry.over)
    }

    /// Changes when the value under this key is over; whether there is one.
    pub(crate) fn set_end(&mut self, key: &[u8], over: Option<Instant>) -> bool {
        let Some(entry) = self.entries.get_mut(key) else {
            return false;
        };
        let old = std::mem::replace(&mut entry.over, over);
        self.forget_end(key, old);
        self.ends.extend(over.map(|over| (over, key.to_vec())));
        true
    }

    /// All keys that are not over.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &Bytes> {
        let now = Instant::now();
        let is_over = move |entry: &Entry| entry.over.is_some_and(|over| over <= now);
        let living = self.entries.iter().filter(move |(_, e)| !is_over(e));
        living.map(|(key, _)| key)
    }

    /// How many keys there are, with those that are over and not removed yet.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    fn remove_if_over(&mut self, key: &[u8]) {
        let Some(over) = self.entries.get(key).and_then(|entry| entry.over) else {
            return;
        };
        if over <= Instant::now() {
            self.entries.remove(key);
            self.forget_end(key, Some(over));
        }
    }

    fn remove_expired(&mut self) {
        let now = Instant::now();
        while self.ends.first().is_some_and(|(over, _)| *over <= now) {
            let (_, key) = self.ends.pop_first().expect("there is a first one");
            self.entries.remove(&key);
        }
    }

    fn forget_end(&mut self, key: &[u8], over: Option<Instant>) {
        if let Some(over) = over {
            self.ends.remove(&(over, key.to_vec()));
        }
    }
}
