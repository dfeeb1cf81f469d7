//! The house has ten floors and no import runs back up. This test holds the order as data and reads
//! the sources as text.
//!
//! When it fails on your change: move the code, not the floor. HACKING.md says what each floor is
//! for.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

/// The floor of each file: the longest prefix of its path that stands here decides. Folders end in
/// `/`.
const FLOORS: &[(&str, u8)] = &[
    ("runtime/prims.rs", 0),
    ("runtime/clock", 0),
    ("runtime/fake_clock", 0),
    ("runtime/config", 0),
    ("runtime/contain", 0),
    ("runtime/os/", 0),
    ("runtime/os_poller/", 0),
    ("runtime/goroutine_id", 0),
    ("runtime/plural", 0),
    ("runtime/random", 0),
    ("runtime/on_abandon", 0),
    ("runtime/stuck", 0),
    ("runtime/switch/", 0),
    ("runtime/stack/", 0),
    ("runtime/coroutine", 1),
    ("runtime/task/", 2),
    ("runtime/sched/", 3),
    ("runtime/park", 4),
    ("runtime/dump", 4),
    ("runtime/big_stack", 4),
    ("runtime/metrics", 4),
    ("runtime/start", 4),
    ("runtime/", 5),
    ("sync/", 6),
    ("time/", 7),
    ("context/", 7),
    ("sync/errgroup", 8),
    ("fs/", 8),
    ("io/", 8),
    ("net/", 8),
    ("process/", 8),
    ("signal/", 8),
    ("testing/", 8),
    ("lib.rs", 9),
];

/// Inside `runtime/sched/`: each line imports from itself and from those above it. Names as in
/// [`FLOORS`].
const SCHED: &[&[&str]] = &[
    // Data: homes, queues, timers.
    &["home/"],
    &["queue/", "explorer"],
    &["timer/wheel", "timer/store", "timer/queue", "timer/bubble"],
    // What workers keep, and how they are counted; what dumps ask; threads for blocking calls.
    &[
        "worker/ids",
        "worker/dice",
        "worker/budget",
        "worker/refs",
        "worker/blocks",
        "idle/sleep_word",
        "idle/counts",
        "poller/ready_word",
        "poller/lookout",
        "poller/cell",
        "inspect/frames",
        "inspect/request",
        "threads/blocking",
    ],
    // A worker as the others see it, all that a runtime shares, a worker as it sees itself.
    &["worker/shared"],
    &["poller/shared"],
    &["scheduler"],
    &["worker/data"],
    // Looking at goroutines and runtimes; who carries the caller.
    &["inspect/reply"],
    &["events", "worker/current", "panicked"],
    &["spans", "waker"],
    // How work gets into queues, and what wakes.
    &["worker/submit", "idle/steal"],
    &[
        "unparker",
        "poller/deliver",
        "inspect/quiescence",
        "inspect/deadlock",
        "worker/out_of_stacks",
        "worker/coop",
        "worker/hand_over",
        "worker/explore",
    ],
    &["abandon", "timer/advance"],
    // Decisions: where a goroutine starts, what an idle worker does.
    &["owners", "idle/sleep"],
    &["worker/place", "idle/search"],
    // The loops.
    &["worker/find", "worker/run"],
    &["worker/visit"],
    &["worker/tour"],
    // The threads that run them, and the one that watches.
    &["threads/stuck", "threads/held_back", "threads/monitor"],
    &["threads/launch"],
];

/// `impl` blocks that stand neither in their type's file nor in the folder of its name: (file,
/// type). What stands here is to move; nothing is to be added.
const AWAY: &[(&str, &str)] = &[
    // To make one takes the caller's goroutine and home; the waking half is all that `sched` knows.
    ("runtime/park.rs", "Unparker"),
    // What goes through the vtable could stand with `header`; giving a cell back needs the pool.
    ("runtime/task/cell.rs", "TaskRef"),
];

/// The longest that a line of a comment or of a document may be. The formatter takes care of code.
const MAX_COLUMNS: usize = 100;

/// Folders at the root that hold no part of the library.
const NOT_SOURCES: &[&str] = &["macros", "tests", "examples", "benches", "ci", "target"];

/// The longest a source file may be, its test modules left out.
const MAX_LINES: usize = 500;

/// The most mechanisms that a folder may hold beside each other; more get folders of their own.
const MAX_FLAT_FILES: usize = 20;

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
            || name.ends_with("_tests.rs")
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

/// The line of [`SCHED`] that a file stands in, by the longest name; `None` for the folders' maps.
fn step(path: &str) -> Option<usize> {
    let name = path.strip_prefix("runtime/sched/")?;
    let lines = SCHED.iter().enumerate();
    let holds = lines.flat_map(|(step, names)| names.iter().map(move |n| (step, *n)));
    holds
        .filter(|(_, prefix)| is_in(name, prefix))
        .max_by_key(|(_, prefix)| prefix.len())
        .map(|(step, _)| step)
}

/// Whether a file is the one named, belongs to it (`name/...`), or is in this folder (`name/`).
fn is_in(path: &str, name: &str) -> bool {
    path.strip_prefix(name)
        .is_some_and(|rest| name.ends_with('/') || rest.starts_with(['.', '/']))
}

/// Every `.rs` file of the library but `build.rs`, in order.
fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    files(root, NOT_SOURCES)
        .into_iter()
        .filter(|path| path.ends_with(".rs") && path != "build.rs")
        .map(|path| Source::read(root, path))
        .collect()
}

/// Every file of the checkout, in order, but those in hidden folders and in these.
fn files(root: &Path, but_in: &[&str]) -> Vec<String> {
    let mut paths = Vec::new();
    collect(root, "", but_in, &mut paths);
    paths.sort();
    paths
}

fn collect(root: &Path, folder: &str, but_in: &[&str], paths: &mut Vec<String>) {
    for entry in fs::read_dir(root.join(folder)).expect("a folder is readable") {
        let entry = entry.expect("an entry is readable");
        let name = entry.file_name().into_string().expect("names are UTF-8");
        let path = format!("{folder}{name}");
        if !entry.path().is_dir() {
            paths.push(path);
        } else if !name.starts_with('.') && !but_in.contains(&path.as_str()) {
            collect(root, &format!("{path}/"), but_in, paths);
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

/// The `crate::` paths of a file with their line numbers: imports, written out, and paths in
/// expressions. `$crate::` is the expansion's, `pub(in crate::...)` names no import: both are left
/// out.
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

/// Reads one use-tree (`a::{b, c::d as e}`), adds its leaves to `paths`, and returns what follows
/// it.
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

/// Where in `code` an item keyword stands: the rest of the text after it, and its line.
fn after_keyword<'a>(code: &'a str, keyword: &'a str) -> impl Iterator<Item = (usize, &'a str)> {
    let is_name = |c: char| c == '_' || c.is_alphanumeric();
    let mut line = (1, 0);
    code.match_indices(keyword).filter_map(move |(at, _)| {
        line = (line.0 + code[line.1..at].matches('\n').count(), at);
        let rest = &code[at + keyword.len()..];
        let stands_alone = !code[..at].ends_with(is_name) && !rest.starts_with(is_name);
        stands_alone.then_some((line.0, rest))
    })
}

/// The name at the start of `text`, if there is one.
fn name_of(text: &str) -> Option<&str> {
    let text = text.trim_start();
    let end = text.find(|c: char| c != '_' && !c.is_alphanumeric());
    let name = &text[..end.unwrap_or(text.len())];
    (!name.is_empty()).then_some(name)
}

/// The types that a file defines.
fn types_of(code: &str) -> BTreeSet<&str> {
    let kinds = ["struct", "enum", "union"];
    let names = kinds.iter().flat_map(|kind| after_keyword(code, kind));
    names.filter_map(|(_, rest)| name_of(rest)).collect()
}

/// The types for which a file has an `impl` block of their own, no trait's, with the blocks' lines.
fn inherent_impls(code: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    for (line, rest) in after_keyword(code, "impl") {
        // `impl Trait` in a type comes after something else than the start of an item.
        let start = code.len() - rest.len() - "impl".len();
        let item = code[..start].trim_end_matches("unsafe ");
        if !(item.trim_end().is_empty() || item.trim_end().ends_with(['}', ';', ']', '{'])) {
            continue;
        }
        let head = after_generics(rest.trim_start());
        let block = &head[..head.find('{').unwrap_or(head.len())];
        if after_keyword(block, "for")
            .next()
            .is_some_and(|(_, rest)| !rest.trim_start().starts_with('<'))
        {
            continue;
        }
        // The last part of the path, its arguments left out.
        let path = &block[..block.find('<').unwrap_or(block.len())];
        found.extend(name_of(path.rsplit("::").next().unwrap_or(path)).map(|name| (line, name)));
    }
    found
}

/// What follows the generic parameters at the start of `text`, if any.
fn after_generics(text: &str) -> &str {
    if !text.starts_with('<') {
        return text;
    }
    let mut depth = 0;
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        match c {
            '<' => depth += 1,
            '>' if before != '-' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return &text[at + 1..];
        }
        before = c;
    }
    text
}

/// Whether `file` is the one that defines a type, or in the folder of that file's name.
fn is_home_of(defined_in: &str, file: &str) -> bool {
    let stem = defined_in.trim_end_matches(".rs");
    let folder = stem.strip_suffix("/mod").unwrap_or(stem);
    file == defined_in || is_in(file, &format!("{folder}/"))
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
fn every_file_of_the_scheduler_has_a_step() {
    let sources = sources();
    let mechanisms = sources.iter().filter(|s| !s.is_map() && !s.is_test());
    let in_sched = mechanisms.filter(|s| s.path.starts_with("runtime/sched/"));
    let missing: Vec<_> = in_sched.filter(|s| step(&s.path).is_none()).collect();
    let missing: Vec<_> = missing.iter().map(|s| s.path.clone()).collect();
    assert_none(
        "these files have no line in SCHED in tests/layering.rs",
        &missing,
    );
}

#[test]
fn no_import_of_the_scheduler_runs_back_up() {
    let sources = sources();
    let mut broken = Vec::new();
    for (file, line, path, target) in imports(&sources) {
        let steps = (step(file), target.and_then(step));
        if let (Some(here), Some(there)) = steps
            && there > here
        {
            broken.push(format!(
                "{file}:{line}: {:?} imports crate::{path}, of {:?}",
                SCHED[here], SCHED[there]
            ));
        }
    }
    assert_none(
        "a file imports from its own line of SCHED and those above",
        &broken,
    );
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
fn a_type_has_its_methods_at_home() {
    let sources = sources();
    let sources: Vec<_> = sources.iter().filter(|s| !s.is_test()).collect();
    let mut defined: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for source in &sources {
        for name in types_of(&source.code) {
            defined.entry(name).or_default().push(&source.path);
        }
    }
    let mut broken = Vec::new();
    for source in &sources {
        for (line, name) in inherent_impls(&source.code) {
            let files = defined.get(name).map(Vec::as_slice).unwrap_or_default();
            let is_home = files.iter().any(|file| is_home_of(file, &source.path));
            if !is_home && !AWAY.contains(&(source.path.as_str(), name)) {
                broken.push(format!("{}:{line}: {name}, of {files:?}", source.path));
            }
        }
    }
    assert_none(
        "an `impl Type` stands in the file of the type, or in the folder of that name; elsewhere write a function",
        &broken,
    );
}

#[test]
fn comments_and_documents_are_narrow() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut broken = Vec::new();
    // Folders of their own packages may hold what they have built.
    for path in files(root, &["target", "ci/soak/target", "tests/crates/target"]) {
        let is_document = path.ends_with(".md");
        if !is_document && !path.ends_with(".rs") {
            continue;
        }
        let text = fs::read_to_string(root.join(&path)).expect("a text is readable");
        let mut in_code = false;
        for (at, line) in text.lines().enumerate() {
            in_code ^= is_document && line.trim_start().starts_with("```");
            let is_prose = line.trim_start().starts_with("//") || is_document && !in_code;
            if is_prose && is_too_wide(line) {
                broken.push(format!("{path}:{}: {line}", at + 1));
            }
        }
    }
    assert_none(
        &format!("a line has {MAX_COLUMNS} columns at most"),
        &broken,
    );
}

/// Whether it could be shorter: rows of tables cannot be wrapped, nor a single long word.
fn is_too_wide(line: &str) -> bool {
    let words = line.trim_start_matches(['/', '!', ' ', '-', '*']);
    let can_be_wrapped = !words.starts_with('|') && words.contains(' ');
    can_be_wrapped && line.chars().count() > MAX_COLUMNS
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
fn folders_hold_few_files() {
    let mut counts = BTreeMap::<_, usize>::new();
    let sources = sources();
    for source in sources.iter().filter(|s| !s.is_map() && !s.is_test()) {
        let folder = source
            .path
            .rsplit_once('/')
            .map_or("", |(folder, _)| folder);
        *counts.entry(folder).or_default() += 1;
    }
    let broken: Vec<_> = counts
        .into_iter()
        .filter(|(_, count)| *count > MAX_FLAT_FILES)
        .map(|(folder, count)| format!("{folder}/: {count} files"))
        .collect();
    assert_none(
        &format!("a folder holds {MAX_FLAT_FILES} files at most, its map and tests left out"),
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
fn the_reader_knows_whose_methods_a_block_has() {
    let code = "struct A; enum B<T> { X(T) }\nimpl A {}\nimpl<F: Fn() -> u8> a::B<F> {}\nimpl Clone for A {}\n\
        unsafe impl Send for A {}\nfn f(x: impl Fn()) -> impl Fn() {}\nmod m {\n    impl C<'_> {}\n}\n\
        impl D<dyn for<'a> Fn(&'a u8)> {}\n";
    let types: Vec<_> = types_of(code).into_iter().collect();
    assert_eq!(types, ["A", "B"]);
    let expected = [(2, "A"), (3, "B"), (8, "C"), (10, "D")];
    assert_eq!(inherent_impls(code), expected);
}

#[test]
fn a_name_holds_its_file_and_its_folder() {
    assert!(is_in("worker/data.rs", "worker/data"));
    assert!(is_in("worker/data/tests.rs", "worker/data"));
    assert!(!is_in("worker/data_more.rs", "worker/data"));
    assert!(is_in("home/word.rs", "home/"));
    assert!(is_home_of("a/b.rs", "a/b/c.rs") && is_home_of("a/mod.rs", "a/c.rs"));
    assert!(!is_home_of("a/b.rs", "a/c.rs"));
}

#[test]
fn the_reader_skips_what_is_not_code() {
    let text = "a(\"crate::b \\\" //\"); // crate::c\n/* crate::d */ '\"' e\n#[cfg(test)]\nmod tests {\n    crate::f\n}\ng\n";
    let code = without_test_modules(&without_comments_and_strings(text));
    let words: Vec<_> = code.split_whitespace().collect();
    assert_eq!(words, ["a(", ");", "e", "g"]);
    assert_eq!(code.lines().count(), text.lines().count());
}
