//! The library's sources as text, for tests that hold its rules.

use std::{fs, path::Path};

/// Folders at the root that hold no part of the library, and what they build.
const NOT_THE_LIBRARY: &[&str] = &["macros", "tests", "examples", "benches", "ci", "target"];

/// Folders that hold nothing that is written here.
const BUILT: &[&str] = &[
    "target",
    "macros/target",
    "ci/soak/target",
    "ci/faults/target",
    "tests/crates/target",
    "benches/compare/rust/target",
    "benches/compare/venv",
];

/// One source file.
pub(crate) struct Source {
    /// From the root, with `/`.
    pub(crate) path: String,
    /// The text as it is.
    pub(crate) text: String,
    /// The text without comments, the content of strings, and test modules, which are blanked: its
    /// lines are those of the file.
    pub(crate) code: String,
}

impl Source {
    fn read(root: &Path, path: String) -> Self {
        let text = fs::read_to_string(root.join(&path)).expect("a source file is readable");
        let code = without_test_modules(&without_comments_and_strings(&text));
        Self { path, text, code }
    }

    /// Built only for tests or for models.
    pub(crate) fn is_test(&self) -> bool {
        let name = self.path.rsplit('/').next().unwrap_or_default();
        let folders = ["/tests/", "/models/"];
        folders.iter().any(|folder| self.path.contains(folder))
            || name.starts_with("tests")
            || name.ends_with("_tests.rs")
            || name == "models.rs"
    }

    /// The line of this place in `code` or `text`, counted from 1.
    pub(crate) fn line_of(&self, at: usize) -> usize {
        self.code[..at].matches('\n').count() + 1
    }
}

/// The root of the checkout.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every source file of the library that goes into programs, in order.
pub(crate) fn library() -> Vec<Source> {
    let mut sources = read_all(NOT_THE_LIBRARY);
    sources.retain(|source| source.path != "build.rs" && !source.is_test());
    sources
}

/// Every source file of the checkout, in order: tests, examples and benchmarks, too.
pub(crate) fn everything() -> Vec<Source> {
    read_all(BUILT)
}

fn read_all(but_in: &[&str]) -> Vec<Source> {
    let mut paths = Vec::new();
    collect("", but_in, &mut paths);
    paths.sort();
    let paths = paths.into_iter().filter(|path| path.ends_with(".rs"));
    paths.map(|path| Source::read(root(), path)).collect()
}

fn collect(folder: &str, but_in: &[&str], paths: &mut Vec<String>) {
    for entry in fs::read_dir(root().join(folder)).expect("a folder is readable") {
        let entry = entry.expect("an entry is readable");
        let name = entry.file_name().into_string().expect("names are UTF-8");
        let path = format!("{folder}{name}");
        if !entry.path().is_dir() {
            paths.push(path);
        } else if !name.starts_with('.') && !but_in.contains(&path.as_str()) {
            collect(&format!("{path}/"), but_in, paths);
        }
    }
}

/// Blanks comments, and what stands in strings and character literals; keeps their quotes, and the
/// places of all that stays.
pub(crate) fn without_comments_and_strings(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let (length, quotes) = skipped(rest);
        if length == 0 {
            out.push(first);
            rest = &rest[first.len_utf8()..];
            continue;
        }
        for (at, c) in rest[..length].char_indices() {
            let is_quote = quotes && (at == 0 || at + 1 == length);
            match c {
                '\n' => out.push('\n'),
                _ if is_quote => out.push('"'),
                // As many bytes as before, so that places are those of the text.
                _ => (0..c.len_utf8()).for_each(|_| out.push(' ')),
            }
        }
        rest = &rest[length..];
    }
    out
}

/// How long the comment, string or character literal at the start of `rest` is, 0 if there is none,
/// and whether it has quotes.
fn skipped(rest: &str) -> (usize, bool) {
    let until = |start: usize, end: &str| {
        let found = rest[start..].find(end);
        found.map_or(rest.len(), |at| start + at + end.len())
    };
    if rest.starts_with("//") {
        return (rest.find('\n').unwrap_or(rest.len()), false);
    }
    if rest.starts_with("/*") {
        return (until(2, "*/"), false);
    }
    if rest.starts_with("r#\"") {
        return (until(3, "\"#"), true);
    }
    if rest.starts_with("'\"'") || rest.starts_with("'\\\"'") {
        return (until(1, "\"'"), true);
    }
    if !rest.starts_with('"') {
        return (0, false);
    }
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return (at + 1, true),
            _ => {}
        }
    }
    (rest.len(), true)
}

/// Blanks every `#[cfg(test)] mod name { ... }` that starts in the first column.
fn without_test_modules(code: &str) -> String {
    let (mut out, mut inside, mut announced) = (String::new(), false, false);
    for line in code.split_inclusive('\n') {
        let blank = if inside {
            inside = !line.starts_with('}');
            true
        } else if line.starts_with("#[cfg(") && line.contains("test") {
            announced = true;
            false
        } else if announced && line.starts_with("mod ") && line.trim_end().ends_with('{') {
            (inside, announced) = (true, false);
            true
        } else {
            announced &= line.starts_with("#[");
            false
        };
        if blank {
            out.extend(line.bytes().map(|b| if b == b'\n' { '\n' } else { ' ' }));
        } else {
            out.push_str(line);
        }
    }
    out
}
