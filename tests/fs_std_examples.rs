//! The examples of std's own documentation of `std::fs` and `std::io`, word for word but for the
//! crate in their `use` lines: with `gort` they compile, do what they say, and leave the same files
//! behind as with `std`; on goroutines and on a plain thread.

mod support;

use std::{
    collections::BTreeMap,
    env, fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};
use support::folder::Folder;

/// An example's name, and the example.
type Example = (&'static str, fn() -> io::Result<()>);

macro_rules! examples {
    ($root:ident: $($name:ident $body:block)*) => {
        $(fn $name() -> io::Result<()> $body)*
        pub(crate) const EXAMPLES: &[crate::Example] = &[$((stringify!($name), $name)),*];
    };
}

/// The examples with `std`, or with `gort`, as `$root`.
macro_rules! std_examples {
    ($module:ident, $root:ident) => {
        mod $module {
            use std::{io, io::prelude::*};

            examples! { $root:
                file_create {
                    use $root::fs::File;
                    let mut file = File::create("new.txt")?;
                    file.write_all(b"Hello, world!")?;
                    Ok(())
                }
                file_read {
                    use $root::fs::File;
                    let mut file = File::open("foo.txt")?;
                    let mut contents = String::new();
                    file.read_to_string(&mut contents)?;
                    assert_eq!(contents, "Hello, world!");
                    Ok(())
                }
                file_buffered {
                    use $root::fs::File;
                    use std::io::BufReader;
                    let file = File::open("foo.txt")?;
                    let mut buf_reader = BufReader::new(file);
                    let mut contents = String::new();
                    buf_reader.read_to_string(&mut contents)?;
                    assert_eq!(contents, "Hello, world!");
                    Ok(())
                }
                file_open {
                    use $root::fs::File;
                    let mut f = File::open("foo.txt")?;
                    let mut data = vec![];
                    f.read_to_end(&mut data)?;
                    assert_eq!(data, b"Hello, world!");
                    Ok(())
                }
                file_create_bytes {
                    use $root::fs::File;
                    let mut f = File::create("foo.txt")?;
                    f.write_all(&1234_u32.to_be_bytes())?;
                    Ok(())
                }
                file_create_new {
                    use $root::fs::File;
                    let mut f = File::create_new("new.txt")?;
                    f.write_all("Hello, world!".as_bytes())?;
                    Ok(())
                }
                file_options {
                    use $root::fs::File;
                    let mut f = File::options().append(true).open("foo.txt")?;
                    writeln!(&mut f, "new line")?;
                    Ok(())
                }
                file_sync {
                    use $root::fs::File;
                    let mut f = File::create("foo.txt")?;
                    f.write_all(b"Hello, world!")?;
                    f.sync_all()?;
                    f.sync_data()?;
                    Ok(())
                }
                file_set_len {
                    use $root::fs::File;
                    let mut f = File::create("foo.txt")?;
                    f.set_len(10)?;
                    f.write_all(b"abc")?;
                    Ok(())
                }
                file_metadata {
                    use $root::fs::File;
                    let mut f = File::open("foo.txt")?;
                    let metadata = f.metadata()?;
                    assert!(metadata.is_file() && metadata.len() == 13);
                    f.read_exact(&mut [0; 13])?;
                    Ok(())
                }
                file_try_clone {
                    use $root::fs::File;
                    use std::io::SeekFrom;
                    let mut file = File::open("foo.txt")?;
                    let file_copy = file.try_clone()?;
                    file.seek(SeekFrom::Start(7))?;
                    let mut contents = vec![];
                    { &file_copy }.read_to_end(&mut contents)?;
                    assert_eq!(contents, b"world!");
                    Ok(())
                }
                file_set_permissions {
                    use $root::fs::File;
                    let file = File::open("foo.txt")?;
                    let mut perms = file.metadata()?.permissions();
                    perms.set_readonly(true);
                    file.set_permissions(perms)?;
                    Ok(())
                }
                file_set_times {
                    use $root::fs::{self, File, FileTimes};
                    let src = fs::metadata("foo.txt")?;
                    let dest = File::options().write(true).create(true).open("dest")?;
                    let times = FileTimes::new()
                        .set_accessed(src.accessed()?)
                        .set_modified(src.modified()?);
                    dest.set_times(times)?;
                    assert_eq!(fs::metadata("dest")?.modified()?, src.modified()?);
                    dest.set_modified(std::time::SystemTime::UNIX_EPOCH)?;
                    assert_eq!(dest.metadata()?.modified()?, std::time::SystemTime::UNIX_EPOCH);
                    Ok(())
                }
                open_options {
                    use $root::fs::OpenOptions;
                    let file = OpenOptions::new().read(true).open("foo.txt")?;
                    assert_eq!(io::read_to_string(file)?, "Hello, world!");
                    let file = OpenOptions::new()
                        .read(true)
                        .write(true)
                        .create(true)
                        .open("bar.txt");
                    write!(file?, "bar")?;
                    let file = OpenOptions::new().append(true).open("bar.txt");
                    write!(file?, "-end")?;
                    let file = OpenOptions::new().write(true).open("bar.txt");
                    write!(file?, "B")?;
                    let file = OpenOptions::new().write(true).truncate(true).open("foo.txt");
                    file?.flush()?;
                    let file = OpenOptions::new().write(true).create_new(true).open("new.txt");
                    drop(file?);
                    let file = OpenOptions::new().write(true).create_new(true).open("new.txt");
                    assert_eq!(file.unwrap_err().kind(), io::ErrorKind::AlreadyExists);
                    Ok(())
                }
                open_options_mode {
                    use $root::fs::OpenOptions;
                    use std::os::unix::fs::OpenOptionsExt;
                    let mut options = OpenOptions::new();
                    options.mode(0o644); // Give read/write for owner and read for others.
                    drop(options.write(true).create(true).open("new.txt")?);
                    let mut options = OpenOptions::new();
                    options.write(true).custom_flags(libc::O_NOFOLLOW);
                    assert!(options.open("link").is_err());
                    Ok(())
                }
                metadata {
                    use $root::fs;
                    let metadata = fs::metadata("foo.txt")?;
                    assert!(!metadata.is_dir() && metadata.is_file() && !metadata.is_symlink());
                    assert!(metadata.file_type().is_file());
                    assert_eq!(metadata.len(), 13);
                    assert!(!metadata.permissions().readonly());
                    metadata.modified()?;
                    metadata.accessed()?;
                    Ok(())
                }
                metadata_ext {
                    use $root::fs;
                    use std::os::unix::fs::{MetadataExt, PermissionsExt};
                    let meta = fs::metadata("foo.txt")?;
                    assert!(meta.ino() > 0 && meta.nlink() == 1 && meta.size() == 13);
                    fs::set_permissions("foo.txt", fs::Permissions::from_mode(0o640))?;
                    assert_eq!(fs::metadata("foo.txt")?.permissions().mode() & 0o777, 0o640);
                    Ok(())
                }
                symlink_metadata {
                    use $root::fs;
                    let metadata = fs::symlink_metadata("link")?;
                    assert!(metadata.file_type().is_symlink());
                    Ok(())
                }
                visit_dirs {
                    use $root::fs::{self, DirEntry};
                    use std::path::Path;
                    // one possible implementation of walking a directory only visiting files
                    fn visit_dirs(dir: &Path, cb: &dyn Fn(&DirEntry)) -> io::Result<()> {
                        if dir.is_dir() {
                            for entry in fs::read_dir(dir)? {
                                let entry = entry?;
                                let path = entry.path();
                                if path.is_dir() {
                                    visit_dirs(&path, cb)?;
                                } else {
                                    cb(&entry);
                                }
                            }
                        }
                        Ok(())
                    }
                    let seen = std::cell::RefCell::new(vec![]);
                    visit_dirs(Path::new("."), &|entry| seen.borrow_mut().push(entry.path()))?;
                    let mut seen = seen.into_inner();
                    seen.sort();
                    assert_eq!(seen, ["./foo.txt", "./link", "./some/dir/deep.txt"].map(Path::new));
                    Ok(())
                }
                read_dir_sorted {
                    use $root::fs;
                    let mut entries = fs::read_dir(".")?
                        .map(|res| res.map(|e| e.path()))
                        .collect::<Result<Vec<_>, io::Error>>()?;
                    // The order in which `read_dir` returns entries is not guaranteed.
                    entries.sort();
                    assert_eq!(entries, ["./foo.txt", "./link", "./some"].map(std::path::PathBuf::from));
                    Ok(())
                }
                dir_entry {
                    use $root::fs;
                    use std::os::unix::fs::{DirEntryExt, MetadataExt};
                    for entry in fs::read_dir(".")? {
                        let entry = entry?;
                        assert_eq!(entry.path().file_name().unwrap(), entry.file_name());
                        assert_eq!(entry.metadata()?.file_type(), entry.file_type()?);
                        assert_eq!(entry.ino(), entry.metadata()?.ino());
                    }
                    Ok(())
                }
                remove_file {
                    $root::fs::remove_file("foo.txt")?;
                    Ok(())
                }
                rename {
                    use $root::fs;
                    fs::rename("foo.txt", "b.txt")?;
                    Ok(())
                }
                copy {
                    use $root::fs;
                    assert_eq!(fs::copy("foo.txt", "bar.txt")?, 13);
                    Ok(())
                }
                hard_link {
                    use $root::fs;
                    fs::hard_link("foo.txt", "b.txt")?;
                    Ok(())
                }
                soft_link {
                    use $root::fs;
                    #[allow(deprecated)]
                    let linked = fs::soft_link("foo.txt", "b.txt");
                    linked
                }
                read_link {
                    use $root::fs;
                    let path = fs::read_link("link")?;
                    assert_eq!(path.to_str(), Some("foo.txt"));
                    Ok(())
                }
                canonicalize {
                    use $root::fs;
                    let path = fs::canonicalize("./some/../foo.txt")?;
                    assert_eq!(path, std::env::current_dir()?.join("foo.txt"));
                    Ok(())
                }
                directories {
                    use $root::fs;
                    fs::create_dir("dir")?;
                    fs::create_dir_all("other/dir")?;
                    fs::create_dir_all("some/dir")?;
                    fs::remove_dir("dir")?;
                    fs::remove_dir_all("some")?;
                    Ok(())
                }
                dir_builder {
                    use $root::fs::{self, DirBuilder};
                    use std::os::unix::fs::DirBuilderExt;
                    let path = "foo/bar/baz";
                    DirBuilder::new().recursive(true).create(path).unwrap();
                    assert!(fs::metadata(path).unwrap().is_dir());
                    let mut builder = DirBuilder::new();
                    builder.mode(0o750);
                    builder.create("private")?;
                    Ok(())
                }
                set_permissions {
                    use $root::fs;
                    let mut perms = fs::metadata("foo.txt")?.permissions();
                    perms.set_readonly(true);
                    fs::set_permissions("foo.txt", perms)?;
                    Ok(())
                }
                exists {
                    use $root::fs;
                    assert!(!fs::exists("does_not_exist.txt").expect("it can be told"));
                    assert!(fs::exists("foo.txt")?);
                    Ok(())
                }
                read_and_write {
                    use $root::fs;
                    let data: Vec<u8> = fs::read("foo.txt")?;
                    assert_eq!(data, b"Hello, world!");
                    let message: String = fs::read_to_string("foo.txt")?;
                    assert_eq!(message, "Hello, world!");
                    fs::write("foo.txt", b"Lorem ipsum")?;
                    fs::write("bar.txt", "dolor sit")?;
                    Ok(())
                }
                file_ext {
                    use $root::fs::File;
                    use std::os::unix::fs::FileExt;
                    let mut buf = [0u8; 8];
                    let file = File::open("foo.txt")?;
                    // We now read 8 bytes from the offset 5.
                    let num_bytes_read = file.read_at(&mut buf, 5)?;
                    assert_eq!(&buf[..num_bytes_read], b", world!");
                    file.read_exact_at(&mut buf[..2], 1)?;
                    assert_eq!(&buf[..2], b"el");
                    let file = File::options().write(true).open("foo.txt")?;
                    file.write_at(b"sushi", 7)?;
                    file.write_all_at(b"!!", 20)?;
                    Ok(())
                }
                io_read {
                    use $root::fs::File;
                    let mut f = File::open("foo.txt")?;
                    let mut buffer = [0; 10];
                    // read up to 10 bytes
                    let n = f.read(&mut buffer[..])?;
                    assert_eq!(&buffer[..n], b"Hello, wor");
                    let mut buffer = Vec::new();
                    // read the whole file
                    Read::by_ref(&mut f).take(2).read_to_end(&mut buffer)?;
                    f.read_to_end(&mut buffer)?;
                    assert_eq!(buffer, b"ld!");
                    let (f1, f2) = (File::open("foo.txt")?, File::open("link")?);
                    let mut buffer = String::new();
                    f1.chain(f2).read_to_string(&mut buffer)?;
                    assert_eq!(buffer, "Hello, world!Hello, world!");
                    for byte in File::open("foo.txt")?.bytes() {
                        byte?;
                    }
                    Ok(())
                }
                io_seek {
                    use $root::fs::File;
                    use std::io::SeekFrom;
                    let mut f = File::options().read(true).write(true).open("foo.txt")?;
                    f.seek(SeekFrom::End(-3))?;
                    assert_eq!(f.stream_position()?, 10);
                    f.write_all(b"--")?;
                    f.rewind()?;
                    let before = f.stream_position()?;
                    let mut line = String::new();
                    (&f).read_to_string(&mut line)?;
                    assert_eq!((before, line.len()), (0, 13));
                    Ok(())
                }
                io_write {
                    use $root::fs::File;
                    use std::io::{BufWriter, LineWriter};
                    let mut buffer = BufWriter::new(File::create("foo.txt")?);
                    buffer.write_all(b"some bytes")?;
                    buffer.flush()?;
                    let file = File::create("poem.txt")?;
                    let mut file = LineWriter::new(file);
                    file.write_all(b"I shall be telling this with a sigh\n")?;
                    write!(file, "{:.*}", 2, 1.234567)?;
                    file.flush()?;
                    Ok(())
                }
                io_copy {
                    use $root::fs::File;
                    let (mut from, mut to) = (File::open("foo.txt")?, File::create("bar.txt")?);
                    assert_eq!(io::copy(&mut from, &mut to)?, 13);
                    Ok(())
                }
                stdio_from {
                    use $root::fs::File;
                    use std::process::Command;
                    let file = File::open("foo.txt").unwrap();
                    let cat = Command::new("cat").stdin(file).output()?;
                    assert_eq!(cat.stdout, b"Hello, world!");
                    Ok(())
                }
            }
        }
    };
}

std_examples!(with_std, std);
std_examples!(with_gort, gort);

/// What is in a folder: names, modes, and contents or link targets.
fn contents(folder: &Path) -> BTreeMap<PathBuf, (u32, Vec<u8>)> {
    let mut all = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(inside) = folders.pop() {
        for entry in fs::read_dir(inside).unwrap() {
            let path = entry.unwrap().path();
            let metadata = fs::symlink_metadata(&path).unwrap();
            let content = match metadata.file_type() {
                kind if kind.is_dir() => Vec::new(),
                kind if kind.is_symlink() => fs::read_link(&path)
                    .unwrap()
                    .into_os_string()
                    .into_encoded_bytes(),
                _ => fs::read(&path).unwrap(),
            };
            if metadata.is_dir() {
                folders.push(path.clone());
            }
            let name = path.strip_prefix(folder).unwrap().to_owned();
            all.insert(name, (metadata.permissions().mode(), content));
        }
    }
    all
}

/// Runs an example in a folder with a few files; what it leaves there.
fn run((name, example): Example) -> BTreeMap<PathBuf, (u32, Vec<u8>)> {
    let folder = Folder::new();
    env::set_current_dir(&*folder).unwrap();
    fs::write("foo.txt", "Hello, world!").unwrap();
    std::os::unix::fs::symlink("foo.txt", "link").unwrap();
    fs::create_dir_all("some/dir").unwrap();
    fs::write("some/dir/deep.txt", "deep").unwrap();
    example().unwrap_or_else(|error| panic!("{name}: {error}"));
    env::set_current_dir("/").unwrap();
    contents(&folder)
}

/// The one test of this file: examples name files by relative paths, and the folder that these
/// start from is the process's.
#[test]
fn the_examples_of_std_do_the_same_with_gort() {
    let expected: Vec<_> = with_std::EXAMPLES.iter().map(|e| run(*e)).collect();
    let check = || {
        assert_eq!(with_gort::EXAMPLES.len(), expected.len());
        for (example, expected) in with_gort::EXAMPLES.iter().zip(&expected) {
            assert_eq!(run(*example), *expected, "{}", example.0);
        }
    };
    check();
    support::each(|_| check());
}
