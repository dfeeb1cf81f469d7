//! `gort::fs`: errors, folders, locks, and what comes from and goes into `std`.

mod support;

use gort::{
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    go,
    sync::bounded,
};
use std::{
    cell::Cell,
    collections::BTreeSet,
    error::Error,
    fmt,
    io::{self, ErrorKind, IoSlice, IoSliceMut, Read, Seek, Write},
    os::{
        fd::{AsFd, AsRawFd, FromRawFd, IntoRawFd, OwnedFd},
        unix::fs::{DirEntryExt, FileExt},
    },
    path::Path,
    rc::Rc,
    sync::Arc,
};
use support::folder::Folder;

/// What went wrong, for comparisons.
fn told<T>(result: io::Result<T>) -> (ErrorKind, Option<i32>) {
    let error = result.err().expect("it fails");
    (error.kind(), error.raw_os_error())
}

/// Compares each call's error with that of the same call of `std`, and with this kind.
macro_rules! fails_alike {
    ($($kind:ident: |$fs:ident| $call:expr;)*) => {
        $({
            let with_gort = { use gort::fs as $fs; told($call) };
            let with_std = { use std::fs as $fs; told($call) };
            assert_eq!(with_gort, with_std, "{}", stringify!($call));
            assert_eq!(with_gort.0, ErrorKind::$kind, "{}", stringify!($call));
        })*
    };
}

fn compare_errors(folder: &Path) {
    let (none, file, full) = (
        folder.join("none"),
        folder.join("file"),
        folder.join("full"),
    );
    std::fs::write(&file, [0xff, 0xfe]).unwrap();
    std::fs::create_dir_all(full.join("inside")).unwrap();
    let below = file.join("below");
    fails_alike! {
        NotFound: |fs| fs::File::open(&none);
        NotFound: |fs| fs::File::create(none.join("x"));
        NotFound: |fs| fs::read(&none);
        NotFound: |fs| fs::read_to_string(&none);
        NotFound: |fs| fs::metadata(&none);
        NotFound: |fs| fs::symlink_metadata(&none);
        NotFound: |fs| fs::read_dir(&none);
        NotFound: |fs| fs::read_link(&none);
        NotFound: |fs| fs::canonicalize(&none);
        NotFound: |fs| fs::copy(&none, &file);
        NotFound: |fs| fs::rename(&none, &file);
        NotFound: |fs| fs::hard_link(&none, folder.join("x"));
        NotFound: |fs| fs::remove_file(&none);
        NotFound: |fs| fs::remove_dir(&none);
        NotFound: |fs| fs::remove_dir_all(&none);
        NotFound: |fs| fs::create_dir(none.join("x"));
        NotFound: |fs| fs::set_permissions(&none, std::fs::metadata(&file).unwrap().permissions());
        AlreadyExists: |fs| fs::create_dir(&full);
        AlreadyExists: |fs| fs::create_dir_all(&file);
        AlreadyExists: |fs| fs::File::create_new(&file);
        AlreadyExists: |fs| fs::hard_link(&file, &file);
        AlreadyExists: |fs| fs::DirBuilder::new().create(&full);
        NotADirectory: |fs| fs::read(&below);
        NotADirectory: |fs| fs::read_dir(&file);
        NotADirectory: |fs| fs::exists(&below).and_then(|_| fs::metadata(&below));
        IsADirectory: |fs| fs::read(&full);
        IsADirectory: |fs| fs::write(&full, "");
        DirectoryNotEmpty: |fs| fs::remove_dir(&full);
        InvalidData: |fs| fs::read_to_string(&file);
        InvalidInput: |fs| fs::read("a\0b");
        InvalidInput: |fs| fs::rename(&file, "a\0b");
        InvalidInput: |fs| fs::OpenOptions::new().open(&file);
        InvalidInput: |fs| fs::File::options().write(true).open(&file).unwrap().set_len(u64::MAX);
        UnexpectedEof: |fs| fs::File::open(&file).unwrap().read_exact(&mut [0; 3]);
        UnexpectedEof: |fs| fs::File::open(&file).unwrap().read_exact_at(&mut [0; 3], 1);
        InvalidInput: |fs| fs::File::open(&file).unwrap().seek(io::SeekFrom::Current(-1));
    }
    let read_only = told((&File::open(&file).unwrap()).write(b"x"));
    assert_eq!(read_only.1, Some(libc::EBADF));
}

#[test]
fn errors_are_those_of_std() {
    support::each(|_| compare_errors(&Folder::new()));
    compare_errors(&Folder::new());
}

/// More entries than one look takes.
#[test]
fn every_entry_of_a_folder_comes_once() {
    support::each(|_| {
        for count in [0, 1, 63, 64, 65, 300] {
            let folder = Folder::new();
            let mut expected = BTreeSet::new();
            for i in 0..count {
                let path = folder.join(format!("{i}"));
                match i % 3 {
                    0 => fs::write(&path, "").unwrap(),
                    1 => fs::create_dir(&path).unwrap(),
                    _ => fs::symlink("nowhere", &path).unwrap(),
                }
                expected.insert(path);
            }
            let mut entries = fs::read_dir(&*folder).unwrap();
            let mut seen = BTreeSet::new();
            for entry in entries.by_ref() {
                let entry = entry.unwrap();
                let number: usize = entry.file_name().to_str().unwrap().parse().unwrap();
                let kind = entry.file_type().unwrap();
                let kinds = [kind.is_file(), kind.is_dir(), kind.is_symlink()];
                assert!(kinds[number % 3], "{number}: {kind:?}");
                assert!(entry.ino() > 0);
                assert!(seen.insert(entry.path()), "twice: {entry:?}");
            }
            assert_eq!(seen, expected);
            assert!(entries.next().is_none());
        }
    });
}

#[test]
fn an_entry_that_is_gone_says_so() {
    support::each(|_| {
        let folder = Folder::new();
        let path = folder.join("short-lived");
        fs::write(&path, "").unwrap();
        let entry = fs::read_dir(&*folder).unwrap().next().unwrap().unwrap();
        fs::remove_file(&path).unwrap();
        assert_eq!(told(entry.metadata()).0, ErrorKind::NotFound);
        assert_eq!(
            (entry.path(), entry.file_name()),
            (path, "short-lived".into())
        );
    });
}

#[test]
fn locks_keep_others_out_until_they_are_released() {
    support::each(|_| {
        let folder = Folder::new();
        let path = folder.join("locked");
        let (one, two) = (File::create(&path).unwrap(), File::open(&path).unwrap());
        one.lock_shared().unwrap();
        two.try_lock_shared().unwrap();
        assert!(matches!(two.try_lock(), Err(TryLockError::WouldBlock)));
        two.unlock().unwrap();
        one.lock().unwrap();
        assert!(matches!(
            two.try_lock_shared(),
            Err(TryLockError::WouldBlock)
        ));
        let error = two.try_lock().unwrap_err();
        assert!(error.to_string().contains("would block") && error.source().is_none());
        assert_eq!(io::Error::from(error).kind(), ErrorKind::WouldBlock);
        // The kernel's lock is the one that std takes.
        let of_std = std::fs::File::open(&path).unwrap();
        // SAFETY: no preconditions.
        let taken = unsafe { libc::flock(of_std.as_raw_fd(), libc::LOCK_EX | libc::LOCK_NB) };
        assert_eq!(taken, -1);
        drop(one);
        two.try_lock().unwrap();
    });
}

/// One home, which the waiting goroutine must leave to the one that unlocks.
#[test]
fn who_waits_for_a_lock_parks() {
    support::with_homes(&[1, 2], 1, |_| {
        let folder = Folder::new();
        let path = folder.join("locked");
        let (one, two) = (File::create(&path).unwrap(), File::open(&path).unwrap());
        one.lock().unwrap();
        let (tx, rx) = bounded(1);
        let waits = go!(move || {
            tx.send(()).unwrap();
            two.lock().unwrap();
        });
        rx.recv().unwrap();
        for _ in 0..10 {
            gort::yield_now();
        }
        assert!(!waits.is_finished());
        one.unlock().unwrap();
        waits.join().unwrap();
    });
}

#[test]
fn several_buffers_go_in_one_call() {
    support::each(|_| {
        let folder = Folder::new();
        let path = folder.join("file");
        let mut file = File::create_new(&path).unwrap();
        let parts = [b"one, ".as_slice(), b"two, ", b"three"].map(IoSlice::new);
        assert_eq!(file.write_vectored(&parts).unwrap(), 15);
        file.rewind().unwrap();
        let (mut a, mut b) = ([0; 4], [0; 20]);
        let mut parts = [IoSliceMut::new(&mut a), IoSliceMut::new(&mut b)];
        assert_eq!((&file).read_vectored(&mut parts).unwrap(), 15);
        assert_eq!((&a, &b[..11]), (b"one,", b" two, three".as_slice()));
    });
}

/// Fails, as no `Display` should.
struct Fails;

impl fmt::Display for Fails {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Err(fmt::Error)
    }
}

#[test]
fn what_is_formatted_need_not_be_send() {
    support::each(|_| {
        let folder = Folder::new();
        let path = folder.join("file");
        let mut file = File::create(&path).unwrap();
        let text = "text";
        write!(file, "{:?} and {text}", Rc::new(Cell::new(1))).unwrap();
        write!(&file, "; constant").unwrap();
        assert!(write!(file, "{Fails}").is_err());
        let expected = "Cell { value: 1 } and text; constant";
        assert_eq!(fs::read_to_string(&path).unwrap(), expected);
    });
}

#[test]
fn files_come_from_std_and_go_back() {
    support::each(|_| {
        let folder = Folder::new();
        let path = folder.join("file");
        let mut file = File::from(std::fs::File::create(&path).unwrap());
        file.write_all(b"gort, ").unwrap();
        let number = file.as_raw_fd();
        assert_eq!(file.as_fd().as_raw_fd(), number);
        assert!(format!("{file:?}").contains(path.to_str().unwrap()));
        let fd = OwnedFd::from(file);
        let mut file = std::fs::File::from(File::from(fd));
        file.write_all(b"std, ").unwrap();
        let raw = File::from(file).into_raw_fd();
        assert_eq!(raw, number);
        // SAFETY: it was just given up by its owner.
        let file = unsafe { File::from_raw_fd(raw) };
        let shared = Arc::new(file);
        (&*shared).write_all(b"shared").unwrap();
        drop(shared);
        assert_eq!(fs::read(&path).unwrap(), b"gort, std, shared");
        let mut of_std = std::fs::OpenOptions::new();
        of_std.read(true);
        let text = io::read_to_string(OpenOptions::from(of_std).open(&path).unwrap());
        assert_eq!(text.unwrap().len(), 17);
    });
}

#[test]
fn options_can_be_used_again() {
    support::each(|_| {
        let folder = Folder::new();
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        let same = options.clone();
        options.open(folder.join("a")).unwrap();
        same.open(folder.join("b")).unwrap();
        assert!(same.open(folder.join("a")).is_err());
        let mut builder = DirBuilder::new();
        builder.recursive(true);
        builder.create(folder.join("c/d")).unwrap();
        builder.create(folder.join("c/d")).unwrap();
        builder.recursive(false);
        assert!(builder.create(folder.join("c/d")).is_err());
    });
}
