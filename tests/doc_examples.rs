//! Every public item of the library has an example in its docs that runs. This test reads the
//! sources as text and names those that lack one.
//!
//! `unreachable_pub` is denied, so whatever says `pub` can be reached from outside. Modules,
//! re-exports, fields, variants and trait impls need no example.

use std::{fs, path::Path};

/// Folders at the root that hold no part of the library, and a file that is hidden from the docs.
const NOT_SOURCES: &[&str] = &[
    "macros",
    "tests",
    "examples",
    "benches",
    "ci",
    "target",
    "runtime/bench_door.rs",
];

/// What an example's fence may say; with any other word it is not run, or must not compile.
const RUNS: &[&str] = &[
    "",
    "rust",
    "should_panic",
    "edition2024",
    "standalone_crate",
];

fn collect(root: &Path, folder: &str, paths: &mut Vec<String>) {
    for entry in fs::read_dir(root.join(folder)).expect("a folder is readable") {
        let entry = entry.expect("an entry is readable");
        let name = entry.file_name().into_string().expect("names are UTF-8");
        let path = format!("{folder}{name}");
        if name.starts_with('.') || NOT_SOURCES.contains(&path.as_str()) {
            continue;
        }
        if entry.path().is_dir() {
            collect(root, &format!("{path}/"), paths);
        } else if name.ends_with(".rs") && !name.starts_with("tests") && path != "build.rs" {
            paths.push(path);
        }
    }
}

/// The words before a public item's name, but for the `pub`.
const KEYWORDS: &[&str] = &[
    "async", "const", "enum", "extern", "\"C\"", "fn", "static", "struct", "trait", "type",
    "union", "unsafe",
];

/// The name of what a line declares, if that needs an example.
fn public_name<'a>(line: &'a str, attributes: &str) -> Option<&'a str> {
    let declared = match line.strip_prefix("macro_rules! ") {
        Some(name) => attributes.contains("#[macro_export]").then_some(name)?,
        None => {
            let words = line.strip_prefix("pub ")?.split(' ');
            let mut words = words.skip_while(|word| KEYWORDS.contains(word));
            let name = words.next()?;
            // Else it is a module, a re-export or a field.
            (!line.starts_with(&format!("pub {name}"))).then_some(name)?
        }
    };
    declared
        .split(|c: char| c != '_' && !c.is_alphanumeric())
        .next()
}

/// Whether one of the examples in a doc comment is compiled and run.
fn has_running_example(docs: &[&str]) -> bool {
    let fences = docs.iter().filter_map(|line| line.strip_prefix("```"));
    // Every second fence closes an example.
    fences
        .step_by(2)
        .any(|words| words.split(',').all(|word| RUNS.contains(&word.trim())))
}

/// The public items of a source without an example that runs, as `(line, name)`. Needs rustfmt's
/// layout.
fn bare_items(text: &str) -> Vec<(usize, &str)> {
    let mut bare = Vec::new();
    let (mut docs, mut attributes) = (Vec::new(), String::new());
    let mut skipped_until: Option<String> = None;
    for (at, full_line) in text.lines().enumerate() {
        let line = full_line.trim_start();
        if let Some(end) = &skipped_until {
            if full_line == end {
                skipped_until = None;
            }
        } else if let Some(doc) = line.strip_prefix("///") {
            docs.push(doc.strip_prefix(' ').unwrap_or(doc));
        } else if line.starts_with("#[")
            || attributes.matches('[').count() > attributes.matches(']').count()
        {
            attributes.push_str(line);
        } else if !line.is_empty() && !line.starts_with("//") {
            let hidden = attributes.contains("#[doc(hidden)]") || line.starts_with("mod ");
            if hidden && line.ends_with('{') {
                let indentation = &full_line[..full_line.len() - line.len()];
                skipped_until = Some(format!("{indentation}}}"));
            } else if let Some(name) = public_name(line, &attributes)
                && !hidden
                && !has_running_example(&docs)
            {
                bare.push((at + 1, name));
            }
            docs.clear();
            attributes.clear();
        }
    }
    bare
}

#[test]
fn every_public_item_has_an_example_that_runs() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    collect(root, "", &mut paths);
    paths.sort();

    let mut bare = Vec::new();
    for path in &paths {
        let text = fs::read_to_string(root.join(path)).expect("a source file is readable");
        let items = bare_items(&text).into_iter();
        bare.extend(items.map(|(line, name)| format!("{path}:{line}: {name}")));
    }
    assert!(
        bare.is_empty(),
        "these public items have no example that runs: put a few lines of use between ``` fences at the end of the doc comment, \
         without `ignore`, `no_run` or `compile_fail`\n  {}",
        bare.join("\n  ")
    );
}

#[test]
fn the_reader_knows_what_is_public_and_what_runs() {
    let text = r#"
/// None.
pub fn bare<T>() {}
/// ```
/// run();
/// ```
#[inline]
pub const unsafe fn shown() {}
/// ```no_run
/// ```
/// ```compile_fail,E0277
/// ```
pub(crate) struct Inner {
    pub field: u8,
}
pub const LIMIT: usize = 3;
/// ```no_run
/// ```
#[derive(
    Debug,
)]
pub struct NotRun;
#[doc(hidden)]
pub mod internal {
    pub fn hidden() {}
}
mod sealed {
    pub trait Sealed {}
}
/// ```should_panic
/// ```
pub enum Panics {}
pub mod map;
pub use map::X;
    pub async fn method(&self) {}
#[macro_export]
macro_rules! shouted {}
macro_rules! whispered {}
"#;
    let names: Vec<_> = bare_items(text).into_iter().map(|(_, name)| name).collect();
    assert_eq!(names, ["bare", "LIMIT", "NotRun", "method", "shouted"]);
}
