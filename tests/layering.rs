//! The house has ten floors and no import runs back up. This test holds the order as data and reads the sources as text.
//!
//! When it fails on your change: move the code, not the floor. HACKING.md says what each floor is for.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

/// The floor of each file: the longest prefix of its path that stands here decides. Folders end in `/`.
const FLOORS: &[(&str, u8)] = &[
    ("runtime/prims.rs", 0),
    ("runtime/clock", 0),
    ("runtime/fake_clock", 0),
    ("runtime/config", 0),
    ("runtime/futex", 0),
    ("runtime/park_thread", 0),
    ("runtime/os_threads", 0),
    ("runtime/goroutine_id", 0),
    ("runtime/stderr", 0),
    ("runtime/stuck", 0),
    ("runtime/switch/", 0),
    ("runtime/stack/", 0),
    ("runtime/coroutine", 1),
    ("runtime/task/", 2),
    ("runtime/sched/", 3),
    ("runtime/park", 4),
    ("runtime/dump", 4),
    ("runtime/grow", 4),
    ("runtime/metrics", 4),
    ("runtime/start", 4),
    ("runtime/", 5),
    ("sync/", 6),
    ("time/", 7),
    ("context/", 7),
    ("sync/errgroup", 8),
    ("net/", 8),
    ("signal", 8),
    ("testing/", 8),
    ("lib.rs", 9),
];

/// Folders at the root that hold no part of the library.
const NOT_SOURCES: &[&str] = &["macros", "tests", "examples", "benches", "ci", "target"];

/// The longest a source file may be, its test modules left out.
const MAX_LINES: usize = 500;

/// One source file of the library.
struct Source {
    /// From the root, with `/`.
    path: String,
    /// The text without comments, strings and test modules; its lines are those of the file.
    code: String,
    /// The text as it is.
    text: String,
}

impl Source {
    fn read(root: &Path, path: String) -> Self {
        let text = fs::read_to_string(root.join(&path)).expect("a source file is readable");
        let code = without_test_modules(&without_comments_and_strings(&text));
        Self { path, code, text }
    }

    /// Declares, documents, re-exports. All other files are mechanisms.
    fn is_map(&self) -> bool {
        self.path == "lib.rs" || self.path.ends_with("/mod.rs") || self.path.ends_with("/loom.rs")
    }

    /// Built only for tests: no rule but the length holds in it.
    fn is_test(&self) -> bool {
        let name = self.path.rsplit('/').next().unwrap_or_default();
        let folders = ["/tests/", "/models/"];
        folders.iter().any(|folder| self.path.contains(folder))
            || name.starts_with("tests")
            || name == "models.rs"
    }

    /// Lines that contain `word`, as `path:line`.
    fn lines_with(&self, word: &str) -> Vec<String> {
        let lines = self.code.lines().enumerate();
        lines
            .filter(|(_, line)| line.contains(word))
            .map(|(at, line)| format!("{}:{}: {}", self.path, at + 1, line.trim()))
            .collect()
    }
}

fn floor(path: &str) -> Option<u8> {
    let holds = FLOORS.iter().filter(|(prefix, _)| path.starts_with(prefix));
    holds
        .max_by_key(|(prefix, _)| prefix.len())
        .map(|&(_, floor)| floor)
}

/// Every `.rs` file of the library but `build.rs`, in order.
fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    collect(root, "", &mut paths);
    paths.sort();
    paths
        .into_iter()
        .map(|path| Source::read(root, path))
        .collect()
}

fn collect(root: &Path, folder: &str, paths: &mut Vec<String>) {
    for entry in fs::read_dir(root.join(folder)).expect("a folder is readable") {
        let entry = entry.expect("an entry is readable");
        let name = entry.file_name().into_string().expect("names are UTF-8");
        let path = format!("{folder}{name}");
        if entry.path().is_dir() {
            if !name.starts_with('.') && !NOT_SOURCES.contains(&path.as_str()) {
                collect(root, &format!("{path}/"), paths);
            }
        } else if name.ends_with(".rs") && path != "build.rs" {
            paths.push(path);
        }
    }
}

/// Blanks comments, strings and character literals; keeps line breaks.
fn without_comments_and_strings(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = skipped(rest);
        if length == 0 {
            out.push(first);
            rest = &rest[first.len_utf8()..];
        } else {
            out.extend(
                rest[..length]
                    .chars()
                    .map(|c| if c == '\n' { '\n' } else { ' ' }),
            );
            rest = &rest[length..];
        }
    }
    out
}

/// How long the comment, string or character literal at the start of `rest` is; 0 if there is none.
fn skipped(rest: &str) -> usize {
    let until = |start: usize, end: &str| {
        rest[start..]
            .find(end)
            .map_or(rest.len(), |at| start + at + end.len())
    };
    if rest.starts_with("//") {
        return rest.find('\n').unwrap_or(rest.len());
    }
    if rest.starts_with("/*") {
        return until(2, "*/");
    }
    if rest.starts_with("r#\"") {
        return until(3, "\"#");
    }
    if rest.starts_with("'\"'") || rest.starts_with("'\\\"'") {
        return until(1, "\"'");
    }
    if !rest.starts_with('"') {
        return 0;
    }
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// Blanks every `#[cfg(test)] mod name { ... }` that starts in the first column.
fn without_test_modules(code: &str) -> String {
    let (mut out, mut inside, mut announced) = (String::new(), false, false);
    for line in code.lines() {
        if inside {
            inside = !line.starts_with('}');
        } else if line.starts_with("#[cfg(") && line.contains("test") {
            announced = true;
        } else if announced && line.starts_with("mod ") && line.ends_with('{') {
            (inside, announced) = (true, false);
        } else {
            announced &= line.starts_with("#[");
            out.push_str(line);
        }
        out.push('\n');
    }
    out
}

/// The `crate::` paths of a file with their line numbers: imports, written out, and paths in expressions.
/// `$crate::` is the expansion's, `pub(in crate::...)` names no import: both are left out.
fn crate_paths(code: &str) -> Vec<(usize, Vec<String>)> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let before = &code[..at];
        let continues = before.ends_with(|c: char| c == '$' || c == '_' || c.is_alphanumeric());
        if continues || before.ends_with("in ") {
            continue;
        }
        let line = before.matches('\n').count() + 1;
        let mut paths = Vec::new();
        read_tree(&code[at + "crate::".len()..], &mut Vec::new(), &mut paths);
        found.extend(paths.into_iter().map(|path| (line, path)));
    }
    found
}

/// Reads one use-tree (`a::{b, c::d as e}`), adds its leaves to `paths`, and returns what follows it.
fn read_tree<'a>(
    mut rest: &'a str,
    prefix: &mut Vec<String>,
    paths: &mut Vec<Vec<String>>,
) -> &'a str {
    let depth = prefix.len();
    loop {
        rest = rest.trim_start();
        if let Some(group) = rest.strip_prefix('{') {
            rest = read_group(group, prefix, paths);
            break;
        }
        let end = rest
            .find(|c: char| c != '_' && !c.is_alphanumeric())
            .unwrap_or(rest.len());
        if end > 0 && &rest[..end] != "self" {
            prefix.push(rest[..end].to_owned());
        }
        rest = &rest[end..];
        match rest.strip_prefix("::") {
            Some(more) if !more.starts_with('<') => rest = more,
            _ => {
                paths.push(prefix.clone());
                break;
            }
        }
    }
    prefix.truncate(depth);
    rest
}

fn read_group<'a>(
    mut rest: &'a str,
    prefix: &mut Vec<String>,
    paths: &mut Vec<Vec<String>>,
) -> &'a str {
    loop {
        rest = rest.trim_start();
        if rest.is_empty() || rest.starts_with('}') {
            return rest.get(1..).unwrap_or_default();
        }
        rest = read_tree(rest, prefix, paths);
        // To the comma or the end of the group, past `*` and `as name`.
        rest = &rest[rest.find([',', '}']).unwrap_or(rest.len())..];
        rest = rest.strip_prefix(',').unwrap_or(rest);
    }
}

/// The file that a `crate::` path leads to: the deepest one.
fn file_of<'a>(path: &[String], files: &BTreeSet<&'a str>) -> Option<&'a str> {
    (1..=path.len()).rev().find_map(|n| {
        let stem = path[..n].join("/");
        [format!("{stem}.rs"), format!("{stem}/mod.rs")]
            .iter()
            .find_map(|file| files.get(file.as_str()).copied())
    })
}

/// All that is imported: (file, line, path, file it leads to, if it is not the root itself).
fn imports(sources: &[Source]) -> Vec<(&str, usize, String, Option<&str>)> {
    let files: BTreeSet<&str> = sources.iter().map(|s| s.path.as_str()).collect();
    let mut all = Vec::new();
    for source in sources.iter().filter(|s| !s.is_test()) {
        for (line, path) in crate_paths(&source.code) {
            let target = file_of(&path, &files);
            all.push((source.path.as_str(), line, path.join("::"), target));
        }
    }
    all
}

#[track_caller]
fn assert_none(rule: &str, broken: &[String]) {
    assert!(broken.is_empty(), "{rule}\n  {}", broken.join("\n  "));
}

#[test]
fn every_file_has_a_floor() {
    let sources = sources();
    let homeless = sources.iter().filter(|s| floor(&s.path).is_none());
    let homeless: Vec<_> = homeless.map(|s| s.path.clone()).collect();
    assert_none(
        "these files have no floor: add them (or their folder) to FLOORS in tests/layering.rs and to the table in HACKING.md",
        &homeless,
    );
}

#[test]
fn no_import_runs_back_up() {
    let sources = sources();
    let mut broken = Vec::new();
    for (file, line, path, target) in imports(&sources) {
        let here = floor(file).unwrap_or(u8::MAX);
        match target {
            Some(target) if floor(target).is_some_and(|there| there <= here) => {}
            Some(target) => broken.push(format!(
                "{file}:{line}: floor {here} imports crate::{path}: {target}, floor {}",
                floor(target).unwrap_or(u8::MAX)
            )),
            None if file == "lib.rs" => {}
            None => broken.push(format!(
                "{file}:{line}: imports the crate root: crate::{path}"
            )),
        }
    }
    assert_none("a file imports from its own floor and those below", &broken);
}

#[test]
fn imports_run_in_no_circle() {
    let sources = sources();
    let maps: BTreeSet<&str> = sources
        .iter()
        .filter(|s| s.is_map())
        .map(|s| s.path.as_str())
        .collect();
    let mut edges: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (file, _, _, target) in imports(&sources) {
        let Some(target) = target.filter(|&t| t != file) else {
            continue;
        };
        if !maps.contains(file) && !maps.contains(target) {
            edges.entry(file).or_default().insert(target);
        }
    }
    // What imports nothing that is left cannot be in a circle; take it away until nothing changes.
    loop {
        let before = edges.len();
        let left: BTreeSet<&str> = edges.keys().copied().collect();
        edges.retain(|_, targets| targets.iter().any(|t| left.contains(t)));
        if edges.len() == before {
            break;
        }
    }
    let circle: Vec<_> = edges
        .iter()
        .map(|(file, targets)| format!("{file} -> {targets:?}"))
        .collect();
    assert_none(
        "these files import each other in a circle, or lead into one",
        &circle,
    );
}

#[test]
fn atomics_are_named_in_prims_only() {
    let sources = sources();
    let others = sources
        .iter()
        .filter(|s| s.path != "runtime/prims.rs" && !s.is_test());
    let broken: Vec<_> = others.flat_map(|s| s.lines_with("sync::atomic")).collect();
    assert_none(
        "atomics come from crate::runtime::prims, so that loom can take their place",
        &broken,
    );
}

#[test]
fn mechanisms_name_what_they_use_by_its_full_path() {
    let sources = sources();
    let mechanisms = sources.iter().filter(|s| !s.is_map() && !s.is_test());
    let broken: Vec<_> = mechanisms.flat_map(|s| s.lines_with("super::")).collect();
    assert_none(
        "`super::` hides which floor an import leads to: write crate::...",
        &broken,
    );
}

#[test]
fn files_are_short_and_say_what_they_are_for() {
    let mut broken = Vec::new();
    for source in sources() {
        let lines = source.code.trim_end().lines().count();
        if lines > MAX_LINES {
            broken.push(format!("{}: {lines} lines", source.path));
        }
        if !source.text.starts_with("//!") {
            broken.push(format!("{}: no //! header", source.path));
        }
    }
    assert_none(
        &format!("a file starts with //! and has {MAX_LINES} lines at most"),
        &broken,
    );
}

#[test]
fn the_reader_understands_use_trees() {
    let code = "use crate::{a::b, c::{self, d::*, E as F}};\nlet x = crate::g::h::<T>();\n$crate::no; pub(in crate::no) fn f();";
    let paths: Vec<_> = crate_paths(code)
        .into_iter()
        .map(|(line, path)| (line, path.join("::")))
        .collect();
    let expected = [(1, "a::b"), (1, "c"), (1, "c::d"), (1, "c::E"), (2, "g::h")];
    assert_eq!(paths, expected.map(|(line, path)| (line, path.to_owned())));
}

#[test]
fn the_reader_skips_what_is_not_code() {
    let text = "a(\"crate::b \\\" //\"); // crate::c\n/* crate::d */ '\"' e\n#[cfg(test)]\nmod tests {\n    crate::f\n}\ng\n";
    let code = without_test_modules(&without_comments_and_strings(text));
    let words: Vec<_> = code.split_whitespace().collect();
    assert_eq!(words, ["a(", ");", "e", "g"]);
    assert_eq!(code.lines().count(), text.lines().count());
}
