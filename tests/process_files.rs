//! `gort::fs` where the process may open no more files.

#[path = "support/child.rs"]
mod child;

use child::{Child, Role};
use gort::{fs, fs::File, go, scope};
use std::io;

const ROLES: &[Role] = &[("no_more_files", no_more_files)];

#[test]
fn plays_a_role() {
    child::play(ROLES);
}

/// Sets how many files may be open.
fn limit_files(to: u64) {
    // SAFETY: a valid structure for a known resource.
    let set = unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &child::limit(to)) };
    assert_eq!(set, 0);
}

fn is_emfile<T>(result: io::Result<T>) -> bool {
    result.is_err_and(|error| error.raw_os_error() == Some(libc::EMFILE))
}

/// A hundred goroutines open files until there may be no more; then each other call says so, too,
/// and all goes well again when files have been closed.
fn no_more_files() {
    go!(|| fs::read("/dev/null").unwrap()).join().unwrap();
    limit_files(64);
    let fill = || {
        let mut files = Vec::new();
        loop {
            match File::open("/dev/null") {
                Ok(file) => files.push(file),
                Err(error) => {
                    assert_eq!(error.raw_os_error(), Some(libc::EMFILE), "{error}");
                    break files;
                }
            }
        }
    };
    let all = scope(|s| {
        let goroutines: Vec<_> = (0..100).map(|_| s.spawn(fill)).collect();
        let join =
            |goroutine: gort::runtime::ScopedJoinHandle<'_, Vec<File>>| goroutine.join().unwrap();
        goroutines.into_iter().flat_map(join).collect::<Vec<_>>()
    });
    assert!((1..64).contains(&all.len()), "{} files", all.len());
    let refused = go!(move || {
        let refused = [
            is_emfile(File::open("/dev/null")),
            is_emfile(fs::read("/dev/null")),
            is_emfile(fs::read_dir("/")),
            is_emfile(all[0].try_clone()),
            is_emfile(fs::copy("/dev/null", "/dev/zero")),
        ];
        drop(all);
        refused
    });
    assert_eq!(refused.join().unwrap(), [true; 5]);
    go!(|| {
        assert!(fs::read_dir("/").unwrap().count() > 0);
        assert_eq!(fs::read("/dev/null").unwrap(), b"");
    })
    .join()
    .unwrap();
}

#[test]
fn too_many_open_files_are_an_error_and_nothing_else() {
    for workers in [1, 2, 3, 8] {
        Child::new("no_more_files").workers(workers).run().passes();
    }
}
