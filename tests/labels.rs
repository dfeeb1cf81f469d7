//! The protocols' labels (P1, S3, ...): `runtime/README.md` explains each in bold, comments in the
//! code cite them. Neither has one that the other lacks.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// The letters of the protocols that have labels.
const PROTOCOLS: &str = "HPSQBCTMKDWRN";

/// The labels in a text, each a letter of [`PROTOCOLS`] and one digit that stand alone.
fn labels(text: &str) -> Vec<String> {
    let words = text.split(|c: char| c != '_' && !c.is_alphanumeric());
    words
        .filter(|word| {
            let mut chars = word.chars();
            word.len() == 2
                && chars.next().is_some_and(|c| PROTOCOLS.contains(c))
                && chars.next().is_some_and(|c| c.is_ascii_digit())
        })
        .map(str::to_owned)
        .collect()
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder is readable") {
        let path = entry.expect("an entry is readable").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn labels_are_explained_and_used() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = fs::read_to_string(root.join("runtime/README.md")).expect("the README is there");
    // Bold text is every second piece.
    let explained: Vec<String> = readme
        .split("**")
        .skip(1)
        .step_by(2)
        .flat_map(labels)
        .collect();

    let mut files = Vec::new();
    for folder in ["runtime", "sync"] {
        sources(&root.join(folder), &mut files);
    }
    let mut cited: BTreeMap<String, String> = BTreeMap::new();
    for file in files {
        let text = fs::read_to_string(&file).expect("a source file is readable");
        for (line, comment) in text
            .lines()
            .enumerate()
            .filter_map(|(at, line)| Some((at + 1, line.split_once("//")?.1)))
        {
            for label in labels(comment) {
                cited.insert(label, format!("{}:{line}", file.display()));
            }
        }
    }

    let unknown: Vec<_> = cited
        .iter()
        .filter(|(l, _)| !explained.contains(l))
        .collect();
    assert!(
        unknown.is_empty(),
        "cited, but not in bold in runtime/README.md: {unknown:?}"
    );
    let unused: Vec<_> = explained
        .iter()
        .filter(|l| !cited.contains_key(*l))
        .collect();
    assert!(
        unused.is_empty(),
        "explained, but cited by no comment: {unused:?}"
    );
}

#[test]
fn a_label_stands_alone() {
    assert_eq!(labels("(S1), not C11 or SS2: P3."), ["S1", "P3"]);
}
