//! Where there is no poller of ours: nobody can be watched.

use crate::runtime::os_poller::{Event, Limit};
use std::{ffi::c_int, io, iter};

/// Cannot be made.
#[derive(Debug)]
pub(crate) enum OsPoller {}

impl OsPoller {
    pub(crate) fn open() -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(crate) fn add(&self, _fd: c_int, _key: u64) -> io::Result<()> {
        match *self {}
    }

    pub(crate) fn remove(&self, _fd: c_int) {
        match *self {}
    }

    pub(crate) fn nudge(&self) {
        match *self {}
    }

    pub(crate) fn wait(&self, _into: &mut Events, _limit: Limit) {
        match *self {}
    }
}

/// Always none.
#[derive(Debug)]
pub(crate) struct Events(());

impl Events {
    pub(crate) fn new() -> Self {
        Self(())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Event> {
        iter::empty()
    }
}
