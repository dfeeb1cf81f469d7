//! The names of frames, and which of them are of no interest: those of the runtime, at either end.

use crate::runtime::sched::inspect::frames::Frames;
use std::{
    collections::HashMap,
    env,
    fmt::Write,
    path::{Path, PathBuf},
    ptr,
};

/// A function at a place in its source.
#[derive(Clone, Debug)]
pub(crate) struct Named {
    name: String,
    /// File, line, column.
    place: Option<String>,
    whose: Whose,
}

/// Finds names, and remembers them: most goroutines are in the same few places.
#[derive(Debug)]
pub(crate) struct Symbols {
    known: HashMap<usize, Vec<Named>>,
    /// All frames, the runtime's too: `RUST_BACKTRACE=full`, as for panics.
    full: bool,
    folder: Option<PathBuf>,
}

impl Symbols {
    pub(crate) fn new() -> Self {
        Self {
            known: HashMap::new(),
            full: env::var_os("RUST_BACKTRACE").is_some_and(|value| value == "full"),
            folder: env::current_dir().ok(),
        }
    }

    /// Writes a backtrace as std does.
    pub(crate) fn write(&mut self, text: &mut String, frames: &Frames) {
        let mut all = Vec::new();
        for &address in &frames.addresses {
            all.extend_from_slice(self.names_at(address));
        }
        let shown = if self.full { all } else { interesting(&all) };
        for (i, frame) in shown.iter().enumerate() {
            let _ = writeln!(text, "{i:4}: {}", frame.name);
            if let Some(place) = &frame.place {
                let _ = writeln!(text, "             at {place}");
            }
        }
        if frames.cut {
            text.push_str("      ... and frames further out\n");
        }
    }

    /// What is at a return address: more than one function if calls were inlined, innermost first.
    fn names_at(&mut self, address: usize) -> &[Named] {
        let (full, folder) = (self.full, &self.folder);
        self.known.entry(address).or_insert_with(|| {
            let mut found = Vec::new();
            backtrace::resolve(ptr::without_provenance_mut(address), |symbol| {
                found.push(named(symbol, address, full, folder));
            });
            if found.is_empty() {
                found.push(Named {
                    name: format!("{address:#x}"),
                    place: None,
                    whose: Whose::Own,
                });
            }
            found
        })
    }
}

fn named(
    symbol: &backtrace::Symbol,
    address: usize,
    full: bool,
    folder: &Option<PathBuf>,
) -> Named {
    let name = symbol.name();
    // Without the hash.
    let short = name.as_ref().map(|name| format!("{name:#}"));
    let whose = whose(short.as_deref().unwrap_or_default(), symbol.filename());
    let name = match (name, short) {
        (Some(name), _) if full => format!("{address:#018x} - {name}"),
        (_, Some(short)) => short,
        _ => format!("{address:#x}"),
    };
    let place = symbol.filename().map(|file| {
        let near = folder.as_ref().and_then(|at| file.strip_prefix(at).ok());
        let mut place = match near {
            Some(near) if !full => format!("./{}", near.display()),
            _ => file.display().to_string(),
        };
        for number in [symbol.lineno(), symbol.colno()].into_iter().flatten() {
            let _ = write!(place, ":{number}");
        }
        place
    });
    Named { name, place, whose }
}

/// Whose code a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whose {
    /// The program's.
    Own,
    /// The standard library's.
    Std,
    /// This crate's.
    Ours,
    /// This crate's, where every goroutine begins.
    Beginning,
}

/// By the file, as the names of inlined functions may come without their paths; without a file by
/// the name.
fn whose(name: &str, file: Option<&Path>) -> Whose {
    let is_in = |path: &&str| name.trim_start_matches(['<', '&']).starts_with(path);
    let Some(file) = file.and_then(Path::to_str) else {
        return match () {
            () if is_in(&"gort::runtime::task::cell::") => Whose::Beginning,
            () if is_in(&"gort::") => Whose::Ours,
            () if STD.iter().any(is_in) => Whose::Std,
            () => Whose::Own,
        };
    };
    let root = file!().trim_end_matches("runtime/dump/symbols.rs");
    let within = match file.strip_prefix(env!("CARGO_MANIFEST_DIR")) {
        Some(within) => Some(within.trim_start_matches('/')),
        None => file.strip_prefix(root),
    };
    match within {
        Some("runtime/task/cell.rs") => Whose::Beginning,
        Some(within) if OURS.iter().any(|folder| within.starts_with(folder)) => Whose::Ours,
        _ if STD_FILES.iter().any(|folder| file.contains(folder)) => Whose::Std,
        _ => Whose::Own,
    }
}

/// The folders that hold the library; tests and examples stand beside them.
const OURS: [&str; 6] = ["runtime/", "sync/", "time/", "context/", "net/", "signal"];
/// Where the standard library's sources lie, whoever has built it.
const STD_FILES: [&str; 3] = [
    "/library/core/src/",
    "/library/std/src/",
    "/library/alloc/src/",
];
/// How the standard library's names begin.
const STD: [&str; 5] = ["core::", "std::", "alloc::", "__rust_", "rust_"];

/// Without the runtime's frames: of calls of ours (and of std between them) only the outermost,
/// which is the one that the program has made, and nothing of how the goroutine came to its own
/// outermost function.
fn interesting(frames: &[Named]) -> Vec<Named> {
    let end = frames.iter().rposition(|f| f.whose == Whose::Beginning);
    let mut rest = &frames[..end.unwrap_or(frames.len())];
    let own = |frame: &Named| frame.whose == Whose::Own;
    if let Some(outermost) = rest.iter().rposition(own) {
        rest = &rest[..=outermost];
    }
    let mut shown = Vec::new();
    while !rest.is_empty() {
        let length = rest.iter().position(own).unwrap_or(rest.len());
        let (between, from_own) = rest.split_at(length);
        let entry = between.iter().rposition(|f| f.whose == Whose::Ours);
        shown.extend_from_slice(&between[entry.unwrap_or(0)..]);
        let length = from_own.iter().position(|frame| !own(frame));
        let (owns, after) = from_own.split_at(length.unwrap_or(from_own.len()));
        shown.extend_from_slice(owns);
        rest = after;
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn shows(frames: &[&str], shown: &[&str]) {
        let named = |name: &&str| Named {
            name: (*name).to_owned(),
            place: None,
            whose: whose(name, None),
        };
        let frames: Vec<_> = frames.iter().map(named).collect();
        let found: Vec<_> = interesting(&frames).into_iter().map(|f| f.name).collect();
        assert_eq!(found, shown);
    }

    const BEGINNING: &str = "gort::runtime::task::cell::Typed<F,T>::run";

    #[test]
    fn both_ends_are_trimmed() {
        shows(
            &[
                "gort::runtime::sched::worker::run::suspend",
                "<gort::sync::Raw as gort::sync::Lock>::lock",
                "std::thread::local::LocalKey<T>::with",
                "gort::sync::mutex::Mutex<T>::lock",
                "core::iter::Map::next",
                "<mine::Thing as core::fmt::Display>::fmt",
                "std::io::copy",
                "gortish::main",
                "gort::runtime::entry::main::main",
                "core::ops::function::FnOnce::call_once",
                BEGINNING,
                "gort::runtime::sched::worker::run::coroutine_main",
            ],
            &[
                "gort::sync::mutex::Mutex<T>::lock",
                "core::iter::Map::next",
                "<mine::Thing as core::fmt::Display>::fmt",
                "std::io::copy",
                "gortish::main",
            ],
        );
    }

    #[test]
    fn a_file_tells_whose_code_it_is() {
        let at = |file: &str| whose("run<mine::F>", Some(Path::new(file)));
        let root = env!("CARGO_MANIFEST_DIR");
        assert_eq!(at(&format!("{root}/sync/mutex.rs")), Whose::Ours);
        assert_eq!(
            at(&format!("{root}/runtime/task/cell.rs")),
            Whose::Beginning
        );
        assert_eq!(at(&format!("{root}/examples/x.rs")), Whose::Own);
        assert_eq!(at("/rustc/0123/library/core/src/x.rs"), Whose::Std);
        assert_eq!(at("/usr/src/rustc-1.99/library/std/src/x.rs"), Whose::Std);
        assert_eq!(at("/home/me/runtime/task/cell.rs"), Whose::Own);
    }

    #[test]
    fn between_two_calls_of_the_program_only_the_door_is_shown() {
        shows(
            &[
                "gort::runtime::goroutine::control::sleep",
                "mine::inner",
                "core::ops::function::FnOnce::call_once",
                "gort::runtime::big_stack::run",
                "gort::runtime::sched::worker::run::suspend",
                "gort::runtime::big_stack::on_big_stack",
                "mine::outer",
                BEGINNING,
            ],
            &[
                "gort::runtime::goroutine::control::sleep",
                "mine::inner",
                "gort::runtime::big_stack::on_big_stack",
                "mine::outer",
            ],
        );
    }

    #[test]
    fn a_goroutine_without_frames_of_the_program_shows_the_call_of_ours() {
        let sleeps = [
            "gort::runtime::park::park",
            "gort::runtime::goroutine::control::sleep",
            BEGINNING,
        ];
        shows(&sleeps, &sleeps[1..2]);
        shows(&[], &[]);
    }
}
