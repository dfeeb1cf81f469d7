//! The rules of HACKING.md that can be read off the text of the sources. `tests/layering.rs` holds
//! those about floors, folders and files.
//!
//! When one fails on your change: mend the code. A list in this file says what may be otherwise,
//! and why.

#[path = "support/sources.rs"]
mod sources;

use sources::{
    Source, bracketed, everything, functions, is_used_as_bit, library, one_bits, places_of, root,
    types, width_without_strings, without_comments_and_strings,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    process::Command,
};

/// The longest that a line may be.
const MAX_COLUMNS: usize = 100;

/// The longest that a function may be, comments and empty lines left out.
const MAX_FUNCTION: usize = 60;

/// How many parameters a function may have, `self` left out.
const MAX_PARAMETERS: usize = 5;

/// How far above an ordering the comment may stand that names its partner.
const NEAR: usize = 12;

/// Names that say nothing of their level.
const BARE_NAMES: &[&str] = &["Inner", "Shared", "Handle", "State"];

/// The files that may have thread-locals, and why each is right although goroutines of one home
/// share them, and a goroutine's worker changes.
const THREAD_LOCALS: &[(&str, &str)] = &[
    (
        "runtime/fake_clock.rs",
        "the clock of a bubble's own thread",
    ),
    ("runtime/goroutine/local.rs", "values of plain threads"),
    ("runtime/os/park_thread.rs", "the parker of a plain thread"),
    ("runtime/sched/home/current.rs", "the home is the identity"),
    ("runtime/stack/overflow.rs", "a call that does not suspend"),
    (
        "runtime/switch/identity/fixed.rs",
        "its address stands for the thread",
    ),
    (
        "runtime/switch/identity/trial.rs",
        "tells identities from each other",
    ),
    ("sync/channel/rng.rs", "any state of the dice will do"),
];

/// What does not keep a rule yet, as (last part of the file's path, name). It is to be mended, and
/// nothing is to be added.
const STILL: &[(&str, &str)] = &[
    // Bits without `_BIT`.
    ("sleep_word.rs", "SLEEPING"),
    ("sleep_word.rs", "RESTING"),
    // A bool that crosses files.
    ("ready_word.rs", "settle"),
];

/// What is named by another and keeps its name.
const NOT_OURS: &[(&str, &str)] = &[
    // As the manual of the processor has it.
    ("x86_64.rs", "CPUID_FSGSBASE"),
    // As std's sockets have it.
    ("pollable.rs", "set_nonblocking"),
    ("socket.rs", "set_nonblocking"),
    ("source.rs", "set_nonblocking"),
];

/// Names of two types of which each build has one, or whose paths users see: `runtime::Builder` and
/// the `Builder` of a goroutine.
const ALTERNATIVES: &[&str] = &["Builder", "Events", "Incoming", "OsPoller", "SwitchContext"];

/// Whether a rule does not hold for this name in this file, for now or for good.
fn is_excepted(source: &Source, name: &str) -> bool {
    let file = source.path.rsplit('/').next().unwrap_or_default();
    STILL.contains(&(file, name)) || NOT_OURS.contains(&(file, name))
}

#[track_caller]
fn assert_none(rule: &str, broken: &[String]) {
    assert!(broken.is_empty(), "{rule}\n  {}", broken.join("\n  "));
}

#[test]
fn code_is_narrow() {
    let mut broken = Vec::new();
    for source in everything() {
        for (at, (line, text)) in source.code.lines().zip(source.text.lines()).enumerate() {
            let is_comment = text.trim_start().starts_with("//");
            // A string cannot be wrapped by the formatter, and a comment at the end of a line is
            // prose.
            let has_comment = line.trim_end().len() < text.trim_end().len()
                && !line.trim_end().ends_with('"')
                && text.contains(" // ");
            let without_strings = width_without_strings(line);
            let is_wide = text.chars().count() > MAX_COLUMNS;
            if is_wide && !is_comment && (has_comment || without_strings > MAX_COLUMNS) {
                broken.push(format!("{}:{}: {}", source.path, at + 1, text.trim()));
            }
        }
    }
    assert_none(
        &format!("a line has {MAX_COLUMNS} columns at most: the formatter leaves macros alone"),
        &broken,
    );
}

#[test]
fn functions_are_short_and_take_few_parameters() {
    let mut broken = Vec::new();
    for source in library() {
        for function in functions(&source.code) {
            let lines = function.body.lines().filter(|line| !line.trim().is_empty());
            let (lines, parameters) = (lines.count(), function.parameters.len());
            let place = format!("{}:{}", source.path, source.line_of(function.at));
            if lines > MAX_FUNCTION {
                broken.push(format!("{place}: {} has {lines} lines", function.name));
            }
            if parameters > MAX_PARAMETERS && !is_excepted(&source, function.name) {
                broken.push(format!(
                    "{place}: {} has {parameters} parameters",
                    function.name
                ));
            }
        }
    }
    assert_none(
        &format!(
            "a function has {MAX_FUNCTION} lines of code and {MAX_PARAMETERS} parameters at most"
        ),
        &broken,
    );
}

#[test]
fn no_bool_parameter_crosses_a_file() {
    let mut broken = Vec::new();
    for source in library() {
        for function in functions(&source.code) {
            let is_internal = function.head.contains("pub(");
            let bools = function
                .parameters
                .iter()
                .filter(|p| p.trim().ends_with(": bool"));
            if is_internal && bools.count() > 0 && !is_excepted(&source, function.name) {
                let line = source.line_of(function.at);
                broken.push(format!("{}:{line}: {}", source.path, function.name));
            }
        }
    }
    assert_none("what crosses a file is an enum of two, not a bool", &broken);
}

#[test]
fn what_ends_in_slow_is_cold() {
    let mut broken = Vec::new();
    for source in library() {
        for function in functions(&source.code) {
            let is_cold = function.head.contains("#[cold]");
            if function.name.ends_with("_slow") && !is_cold && !is_excepted(&source, function.name)
            {
                let line = source.line_of(function.at);
                broken.push(format!("{}:{line}: {}", source.path, function.name));
            }
        }
    }
    assert_none(
        "a rare path is #[cold]; another name for what is not rare",
        &broken,
    );
}

#[test]
fn names_of_types_say_their_level() {
    let mut broken = Vec::new();
    for source in library() {
        for name in types(&source.code) {
            if BARE_NAMES.contains(&name) && !is_excepted(&source, name) {
                broken.push(format!("{}: {name}", source.path));
            }
        }
    }
    assert_none(
        &format!("no type has one of the bare names {BARE_NAMES:?}"),
        &broken,
    );
}

#[test]
fn a_name_stands_for_one_type() {
    let sources = library();
    let mut places: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for source in &sources {
        for name in types(&source.code) {
            places.entry(name).or_default().push(&source.path);
        }
    }
    let twice = places.iter().filter(|(_, files)| files.len() > 1);
    let broken: Vec<_> = twice
        .filter(|(name, _)| !ALTERNATIVES.contains(name))
        .map(|(name, files)| format!("{name}: {files:?}"))
        .collect();
    assert_none("two types of the library have one name", &broken);
}

#[test]
fn a_bit_of_a_word_is_called_one() {
    let mut broken = Vec::new();
    for source in library() {
        for name in one_bits(&source.code) {
            let says_so = name.ends_with("_BIT") || name.starts_with("ONE_");
            if !says_so && !is_excepted(&source, name) && is_used_as_bit(&source.code, name) {
                broken.push(format!("{}: {name}", source.path));
            }
        }
    }
    assert_none("a bit of a state word ends in _BIT", &broken);
}

#[test]
fn an_ordering_names_its_partner() {
    let mut broken = Vec::new();
    for source in library() {
        let lines: Vec<&str> = source.text.lines().collect();
        for ordering in ["Acquire", "Release", "AcqRel", "SeqCst"] {
            for at in places_of(&source.code, &format!("Ordering::{ordering}")) {
                let line = source.line_of(at);
                let above = &lines[line.saturating_sub(NEAR)..line];
                let is_said = above.iter().any(|text| {
                    let comment = text.split_once("//").map_or("", |(_, comment)| comment);
                    ["Acquire", "Release", "AcqRel", "SeqCst", "pairs"]
                        .iter()
                        .any(|word| comment.contains(word))
                });
                if !is_said && !is_excepted(&source, ordering) {
                    broken.push(format!(
                        "{}:{line}: {}",
                        source.path,
                        lines[line - 1].trim()
                    ));
                }
            }
        }
    }
    assert_none(
        "an ordering stronger than Relaxed says in a comment above what it pairs with",
        &broken,
    );
}

#[test]
fn thread_locals_are_known() {
    let broken: Vec<_> = library()
        .iter()
        .filter(|source| places_of(&source.code, "thread_local").next().is_some())
        .filter(|source| !THREAD_LOCALS.iter().any(|(file, _)| *file == source.path))
        .map(|source| source.path.clone())
        .collect();
    assert_none(
        "a thread-local is shared by the goroutines of a home: say in THREAD_LOCALS why it may be",
        &broken,
    );
}

#[test]
fn the_threads_token_is_left_to_users() {
    // The monitor, which runs no goroutine, and the parker of plain threads.
    let ours = [
        "runtime/sched/threads/monitor.rs",
        "runtime/os/park_thread.rs",
    ];
    let mut broken = Vec::new();
    for source in library() {
        let parks = ["thread::park", "thread::park_timeout"];
        let places = parks.iter().flat_map(|park| places_of(&source.code, park));
        let places: Vec<_> = places.map(|at| source.line_of(at)).collect();
        if !ours.contains(&source.path.as_str()) {
            broken.extend(places.iter().map(|line| format!("{}:{line}", source.path)));
        }
    }
    assert_none(
        "std's park token belongs to users: workers and owners sleep on a futex",
        &broken,
    );
}

#[test]
fn no_macro_hides_unsafe() {
    let mut broken = Vec::new();
    for source in library() {
        for at in places_of(&source.code, "macro_rules") {
            let rest = &source.code[at..];
            let body = rest.find('{').map_or("", |start| bracketed(&rest[start..]));
            if places_of(body, "unsafe").next().is_some() {
                broken.push(format!("{}:{}", source.path, source.line_of(at)));
            }
        }
    }
    assert_none("no macro of ours expands to `unsafe`", &broken);
}

#[test]
fn the_macros_name_what_they_use_by_absolute_paths() {
    let mut broken = Vec::new();
    for source in everything() {
        if !source.path.starts_with("macros/") {
            continue;
        }
        for at in places_of(&source.code, "gort") {
            let is_path = source.code[at..].starts_with("gort::");
            if is_path && !source.code[..at].ends_with("::") {
                broken.push(format!("{}:{}", source.path, source.line_of(at)));
            }
        }
    }
    assert_none(
        "macros emit `::gort::...`, whatever the user calls `gort`",
        &broken,
    );
}

#[test]
fn the_rules_name_what_there_is() {
    let rules = fs::read_to_string(root().join("HACKING.md")).expect("the rules are readable");
    let mut broken = Vec::new();
    // In backticks: commands, and paths. Files of Rust may be named without their ending.
    for quoted in rules.split('`').skip(1).step_by(2) {
        let path = quoted.split(' ').next().unwrap_or_default();
        let is_path = path.starts_with("ci/") || path.starts_with(".ci/") || path.ends_with(".rs");
        if is_path && !root().join(path).exists() && path != "mod.rs" {
            broken.push(format!("`{quoted}`"));
        }
        for test in quoted.split("--test ").skip(1) {
            let name = test.split(' ').next().unwrap_or_default();
            let file = root().join(format!("tests/{name}.rs"));
            if !name.starts_with('\'') && !file.exists() {
                broken.push(format!("`{quoted}`"));
            }
        }
    }
    assert_none(
        "HACKING.md names files or tests that are not there",
        &broken,
    );
}

#[test]
fn every_check_is_in_the_rules() {
    let rules = fs::read_to_string(root().join("HACKING.md")).expect("the rules are readable");
    let mut broken = Vec::new();
    for entry in fs::read_dir(root().join("ci")).expect("the checks are readable") {
        let name = entry.expect("an entry is readable").file_name();
        let name = name.into_string().expect("names are UTF-8");
        let is_script = name.ends_with(".sh") || name.ends_with(".py");
        if is_script && !rules.contains(&format!("ci/{name}")) {
            broken.push(format!("ci/{name}"));
        }
    }
    assert_none(
        "the table of checks in HACKING.md does not name these",
        &broken,
    );
}

#[test]
fn every_seeded_fault_finds_its_lines() {
    let mut broken = Vec::new();
    for list in fs::read_dir(root().join("ci/mutants")).expect("the faults are readable") {
        let list = fs::read_to_string(list.expect("an entry is readable").path());
        let list = list.expect("a list of faults is readable");
        for fault in list.split(">>>").filter(|fault| fault.contains("<<<")) {
            let (head, lines) = fault.split_once("\n<<<\n").expect("a fault has lines");
            let lines = lines.split("\n===").next().unwrap_or_default();
            let head = head.rsplit("# ").next().unwrap_or_default();
            let file = head.rsplit(": ").nth(1).unwrap_or_default();
            let text = fs::read_to_string(root().join(file)).unwrap_or_default();
            let times = text.matches(lines).count();
            if times != 1 {
                broken.push(format!("{head}: {times} times"));
            }
        }
    }
    assert_none(
        "ci/mutants: the lines of a fault stand in their file once",
        &broken,
    );
}

/// The files that `cargo package` would put into this crate.
fn packaged(package: &str) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .args([
            "package",
            "--list",
            "--allow-dirty",
            "--offline",
            "--package",
            package,
        ])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo package --list: {errors}");
    let list = String::from_utf8(output.stdout).expect("names are UTF-8");
    list.lines().map(str::to_owned).collect()
}

#[test]
fn the_package_carries_the_library_and_no_tests() {
    let carried = packaged("gort");
    let needed = library().into_iter().map(|source| source.path);
    let needed = needed.chain(["build.rs", "README.md", "docs/inside.md"].map(str::to_owned));
    let missing: Vec<_> = needed.filter(|path| !carried.contains(path)).collect();
    assert_none("`include` in Cargo.toml leaves these out", &missing);
    let folders = ["tests/", "benches/", "ci/", "macros/", "."];
    let extra: Vec<_> = carried
        .iter()
        .filter(|path| *path != ".cargo_vcs_info.json")
        .filter(|path| folders.iter().any(|folder| path.starts_with(folder)))
        .cloned()
        .collect();
    assert_none("`include` in Cargo.toml lets these in", &extra);
    let macros = packaged("gort-macros");
    assert!(
        macros.contains("lib.rs") && macros.contains("LICENSE-MIT"),
        "{macros:?}"
    );
}

/// A source with this text, for the tests of the readers.
fn code_of(text: &str) -> String {
    without_comments_and_strings(text)
}

#[test]
fn the_reader_knows_functions() {
    let code = code_of(
        "#[cold]\npub(crate) fn a_slow<F: Fn(u8) -> u8>(&self, f: F, is: bool) -> u8 { { 1 } }\n\
         struct A { f: fn(u8) }\nfn b(self: Arc<Self>, map: BTreeMap<u8, u8>);\n",
    );
    let found = functions(&code);
    let names: Vec<_> = found.iter().map(|f| (f.name, f.parameters.len())).collect();
    assert_eq!(names, [("a_slow", 2), ("b", 1)]);
    assert!(found[0].head.contains("#[cold]") && found[0].head.contains("pub("));
    assert_eq!(
        (found[0].parameters[1].trim(), found[0].body),
        ("is: bool", " { 1 } ")
    );
}

#[test]
fn the_reader_knows_bits() {
    let code = "const A: u32 = 1 << 2;\nconst B: usize = 8;\nconst C: u8 = 2;\nconst D: i32 = 1;\n\
        let x = word & A != 0; let y = word | B; f(&C); if C && y {} match z { C | D => {} }";
    assert_eq!(one_bits(code), ["A", "B", "C"]);
    assert!(is_used_as_bit(code, "A") && is_used_as_bit(code, "B"));
}

#[test]
fn the_reader_keeps_places() {
    let text = "let a = \"\u{e9}x\"; // no\nlet b = 1;\n";
    let code = code_of(text);
    assert_eq!(code.len(), text.len());
    assert_eq!(code.find("let b"), text.find("let b"));
    assert!(!code.contains("no") && !code.contains('x'));
}
