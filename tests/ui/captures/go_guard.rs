//! A lock is released by whoever took it: the guard of std's mutex is not `Send`.

use std::sync::Mutex;

static LOG: Mutex<Vec<u8>> = Mutex::new(Vec::new());

fn main() {
    let mut log = LOG.lock().unwrap();
    gort::go!(move || log.push(1));
}
