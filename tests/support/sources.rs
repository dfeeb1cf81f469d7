//! The library's sources as text, for tests that hold its rules.

use std::{collections::BTreeSet, fs, path::Path};

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

fn is_name(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

/// The name at the start of `text`; empty if there is none.
pub(crate) fn name_of(text: &str) -> &str {
    let text = text.trim_start();
    &text[..text.find(|c| !is_name(c)).unwrap_or(text.len())]
}

/// Where `word` stands alone in `code`.
pub(crate) fn places_of<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    code.match_indices(word)
        .map(|(at, _)| at)
        .filter(move |&at| {
            !code[..at].ends_with(is_name) && !code[at + word.len()..].starts_with(is_name)
        })
}

/// What stands between the bracket at the start of `code` and the one that closes it.
pub(crate) fn bracketed(code: &str) -> &str {
    let mut depth = 0;
    for (at, c) in code.char_indices() {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return &code[1..at];
        }
    }
    code.get(1..).unwrap_or_default()
}

/// A function: where its name stands, what stands in its parentheses, and its body.
pub(crate) struct Function<'a> {
    pub(crate) at: usize,
    pub(crate) name: &'a str,
    /// From the start of its line, or of those before it that belong to it, to the name.
    pub(crate) head: &'a str,
    pub(crate) parameters: Vec<&'a str>,
    pub(crate) body: &'a str,
}

/// The functions of some code that have a body.
pub(crate) fn functions(code: &str) -> Vec<Function<'_>> {
    places_of(code, "fn")
        .filter_map(|at| function(code, at))
        .collect()
}

fn function(code: &str, at: usize) -> Option<Function<'_>> {
    let name = name_of(&code[at + 2..]);
    // A type `fn(..)` has no name.
    if name.is_empty() || !code[at + 2..].starts_with(' ') {
        return None;
    }
    let rest = &code[at + 3 + name.len()..];
    let rest = &rest[parameters_at(rest)?..];
    let parameters = bracketed(rest);
    let rest = &rest[parameters.len() + 2..];
    let end = rest.find(['{', ';'])?;
    let has_body = rest[end..].starts_with('{');
    let body = if has_body {
        bracketed(&rest[end..])
    } else {
        ""
    };
    let start = code[..at]
        .rfind(['}', ';', '{'])
        .map_or(0, |start| start + 1);
    Some(Function {
        at,
        name,
        head: &code[start..at],
        parameters: split_parameters(parameters),
        body,
    })
}

/// Where the parenthesis of the parameters is, after a function's name and its generics.
fn parameters_at(rest: &str) -> Option<usize> {
    let mut depth = 0;
    let mut before = ' ';
    for (at, c) in rest.char_indices() {
        match c {
            '<' => depth += 1,
            '>' if before != '-' => depth -= 1,
            '(' if depth == 0 => return Some(at),
            _ => {}
        }
        before = c;
    }
    None
}

/// Parameters at the commas between them, `self` left out.
fn split_parameters(text: &str) -> Vec<&str> {
    let (mut depth, mut start, mut parts) = (0, 0, Vec::new());
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        match c {
            '(' | '[' | '<' => depth += 1,
            '>' if before == '-' => {}
            ')' | ']' | '>' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
        before = c;
    }
    parts.push(&text[start..]);
    let is_self = |part: &&str| places_of(part, "self").next().is_some() && !part.contains(": &");
    parts.retain(|part| !part.trim().is_empty() && !is_self(part));
    parts
}

/// The types that some code defines.
pub(crate) fn types(code: &str) -> BTreeSet<&str> {
    let kinds = ["struct", "enum", "union", "trait"];
    let named = kinds.iter().flat_map(|kind| {
        let places = places_of(code, kind);
        places.map(|at| name_of(&code[at + kind.len()..]))
    });
    named
        .filter(|name| name.starts_with(char::is_uppercase))
        .collect()
}

/// The constants of some code that are one bit, with their names.
pub(crate) fn one_bits(code: &str) -> Vec<&str> {
    let mut bits = Vec::new();
    for at in places_of(code, "const") {
        let rest = &code[at + "const".len()..];
        let line = &rest[..rest.find(';').unwrap_or(rest.len())];
        let Some((head, value)) = line.split_once(" = ") else {
            continue;
        };
        let is_integer = head
            .split(": ")
            .nth(1)
            .is_some_and(|kind| kind.starts_with('u'));
        let shift = value.strip_prefix("1 << ").map(str::parse::<u32>);
        let is_one_bit = matches!(shift, Some(Ok(_))) || ["1", "2", "4", "8"].contains(&value);
        if is_integer && is_one_bit {
            bits.push(name_of(head));
        }
    }
    bits
}

/// Whether a constant is set, cleared or asked for in a word.
pub(crate) fn is_used_as_bit(code: &str, name: &str) -> bool {
    places_of(code, name).any(|at| {
        let (before, after) = (code[..at].trim_end(), code[at + name.len()..].trim_start());
        let by_operator = |text: &str, doubled: &str| !text.is_empty() && text != doubled;
        let left = &before[before.len().saturating_sub(2)..];
        let right = &after[..after.len().min(2)];
        let is_and = left.ends_with('&') && by_operator(left, "&&") && !before.ends_with("(&");
        let is_or = left.ends_with('|') && by_operator(left, "||");
        let is_before = right.starts_with(['&', '|']) && right != "&&" && right != "||";
        // Alternatives of a pattern have the same look as a union of bits.
        let is_pattern = after.starts_with("=>") || after.starts_with("if ");
        !is_pattern && (is_and || is_or || is_before || left.ends_with("& !"))
    })
}

/// How wide a line is without what stands in its strings, which the reader has blanked.
pub(crate) fn width_without_strings(line: &str) -> usize {
    let parts: Vec<&str> = line.trim_end().split('"').collect();
    let width = |first| -> usize {
        let outside = parts.iter().skip(first).step_by(2);
        outside.map(|part| part.chars().count() + 1).sum()
    };
    // With an odd number of quotes a string begins on this line, or has begun before it.
    if parts.len().is_multiple_of(2) {
        width(0).min(width(1))
    } else {
        width(0)
    }
}
