//! Words that nobody would search for, and what to write instead.

use std::fs;
use std::path::Path;

use super::circles::without_comments;
use super::{crates, files, source};

/// Wrong everywhere: in code, comments and documents.
const COINED: &[(&str, &str)] = &[
    ("surround", "middleware, wrap"),
    ("heed", "handle, obey"),
    ("tally", "meter, count"),
    ("withdraw", "abandon, cancel"),
    ("lend", "refresh, pass on, acquire"),
    ("mend", "repair, fix"),
    ("sweep", "cleanup"),
    ("sane", "valid"),
];

/// Wrong as a name in code, or as a part of one.
const COINED_NAMES: &[(&str, &str)] = &[
    ("said", "content, text"),
    ("told", "sent, received, notified"),
    ("tell", "send, emit, notify"),
    ("doubt", "invalidate"),
    ("begun", "started"),
    ("settled", "wait_until_…"),
    ("unheard", "unobserved"),
    ("wanted", "requested, limit"),
];

/// Wrong in the API's description.
const COINED_PROSE: &[(&str, &str)] = &[
    ("put away", "archived"),
    ("changes sides", "toggles"),
    ("comes along", "is sent"),
    ("nobody", "no one, not"),
    ("whoever", "anyone who"),
    ("told", "sent, received"),
];

#[test]
fn no_coined_words() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    let folders = [source(), crates(), root.join("tests/it"), root.join("benches")];
    for path in folders.iter().flat_map(|folder| files(folder)) {
        let name = path.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/");
        if !name.ends_with("architecture/words.rs") {
            let text = fs::read_to_string(&path).unwrap();
            let words = in_text(&text, COINED).chain(in_names(&text));
            found.extend(words.map(|word| format!("{name}: {word}")));
        }
    }
    for name in ["openapi.json", "README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"] {
        let text = fs::read_to_string(root.join(name)).unwrap();
        let prose = if name == "openapi.json" { COINED_PROSE } else { &[] };
        let words = in_text(&text, COINED).chain(in_text(&text, prose));
        found.extend(words.map(|word| format!("{name}: {word}")));
    }
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn coined_words_are_found() {
    let found = |text| in_text(text, COINED).chain(in_names(text)).count();
    assert_eq!(found("/// What heeds the layer; surrounded by it."), 2);
    assert_eq!(found("struct Tally { told_title: String, is_sane: bool }"), 3);
    assert_eq!(found("// He said it\nlet ahead = \"tell\"; fn a_title_is_told_once() {}"), 0);
    assert_eq!(in_text("\"Put away.\"", COINED_PROSE).count(), 1);
}

/// The coined words in a text, in any of their forms.
fn in_text<'a>(
    text: &'a str,
    coined: &'static [(&'static str, &'static str)],
) -> impl Iterator<Item = String> + 'a {
    let text = text.to_lowercase();
    coined.iter().filter_map(move |(word, instead)| {
        let is_letter = |c: char| c.is_alphabetic();
        let is_whole = |at: usize| {
            let (before, after) = (&text[..at], &text[at + word.len()..]);
            let end = after.split(|c| !is_letter(c)).next().unwrap();
            !before.ends_with(is_letter) && ["", "s", "ed", "ing", "n"].contains(&end)
        };
        let is_there = text.match_indices(word).any(|(at, _)| is_whole(at));
        is_there.then(|| format!("{word} (write: {instead})"))
    })
}

/// The coined words among the names of code. The names of tests are sentences.
fn in_names(text: &str) -> impl Iterator<Item = String> {
    let code = without_comments(text);
    let names = code.split(|c: char| !c.is_alphanumeric() && c != '_');
    let parts: Vec<Vec<String>> = names.map(parts).filter(|parts| parts.len() < 4).collect();
    let is_used = move |word: &str| parts.iter().flatten().any(|part| part == word);
    let coined = COINED_NAMES.iter().filter(move |(word, _)| is_used(word));
    coined.map(|(word, instead)| format!("{word} (write: {instead})"))
}

/// The words of a name in snake case or camel case.
fn parts(name: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut before = '_';
    for c in name.chars() {
        if c == '_' || c.is_uppercase() && before.is_lowercase() {
            parts.push(String::new());
        }
        if c != '_' {
            parts.last_mut().unwrap().extend(c.to_lowercase());
        }
        before = c;
    }
    parts.retain(|part| !part.is_empty());
    parts
}
