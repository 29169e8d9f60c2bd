//! The names by which models call tools: `[A-Za-z0-9_-]{1,64}`, each of them one tool.

use std::collections::{HashMap, HashSet};

use aws_lc_rs::digest::{SHA256, digest};

use crate::agent::tools::source::SourceKind;

/// What all providers take.
const MAX: usize = 64;
const DIGEST: usize = 8;

/// The name of a tool where no other has the same one.
pub(super) fn plain(kind: SourceKind, label: &str, name: &str) -> String {
    let prefixed = match kind {
        SourceKind::Mcp | SourceKind::Openapi => format!("{label}_{name}"),
        _ => name.to_owned(),
    };
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let mut plain: String = prefixed.chars().map(|c| if fits(c) { c } else { '_' }).collect();
    if !plain.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
        plain.insert(0, '_');
    }
    if plain.len() > MAX { marked(label, name, &plain) } else { plain }
}

/// A name that says by a digest whose it is, with the end of the plain one: ends are what tells long names
/// apart.
fn marked(label: &str, name: &str, plain: &str) -> String {
    let end = &plain[plain.len().saturating_sub(MAX - DIGEST - 1)..];
    format!("{}_{end}", short_digest(label, name))
}

/// Eight letters and digits, the first a letter.
fn short_digest(label: &str, name: &str) -> String {
    let hash = digest(&SHA256, format!("{label}\0{name}").as_bytes());
    let bytes = hash.as_ref().iter().take(DIGEST).enumerate();
    let digit = |(index, byte): (usize, &u8)| {
        let base = if index == 0 { 26 } else { 36 };
        char::from(b"abcdefghijklmnopqrstuvwxyz0123456789"[usize::from(*byte) % base])
    };
    bytes.map(digit).collect()
}

/// A tool to be named.
pub(super) struct Unnamed<'a> {
    /// The label of its source.
    pub(super) label: &'a str,
    /// Its name there.
    pub(super) name: &'a str,
    /// Its name where no other tool has the same one.
    pub(super) plain: &'a str,
}

/// The names of tools that are offered together; none for a tool that cannot be told from another. They do not
/// depend on the order.
pub(super) fn shown(tools: &[Unnamed<'_>], taken: &Taken) -> Vec<Option<String>> {
    let counts = count(tools.iter().map(|tool| tool.plain));
    let names = tools.iter().map(|tool| {
        let lower = tool.plain.to_lowercase();
        match counts[&lower] > 1 || taken.is_taken(tool.label, &lower) {
            true => marked(tool.label, tool.name, tool.plain),
            false => tool.plain.to_owned(),
        }
    });
    let names: Vec<_> = names.collect();
    let counts = count(names.iter().map(String::as_str));
    let is_free = |name: &str, tool: &Unnamed<'_>| {
        let lower = name.to_lowercase();
        counts[&lower] == 1 && !taken.is_taken(tool.label, &lower)
    };
    let named = names.into_iter().zip(tools);
    named.map(|(name, tool)| is_free(&name, tool).then_some(name)).collect()
}

fn count<'a>(names: impl Iterator<Item = &'a str>) -> HashMap<String, usize> {
    let mut counts = HashMap::new();
    for name in names {
        *counts.entry(name.to_lowercase()).or_default() += 1;
    }
    counts
}

/// The names, in lower case, that belong to a source, with its label.
pub(super) struct Taken(HashMap<String, HashSet<String>>);

impl Taken {
    /// Names and the labels of those that they belong to.
    pub(super) fn new(names: impl Iterator<Item = (String, String)>) -> Self {
        let mut taken: HashMap<String, HashSet<String>> = HashMap::new();
        for (name, label) in names {
            taken.entry(name.to_lowercase()).or_default().insert(label);
        }
        Self(taken)
    }

    /// Whether a name, in lower case, belongs to another source than this one.
    pub(super) fn is_taken(&self, label: &str, name: &str) -> bool {
        self.0.get(name).is_some_and(|labels| !labels.contains(label))
    }

    /// Whether a name belongs to any source.
    pub(super) fn contains(&self, name: &str) -> bool {
        self.0.contains_key(&name.to_lowercase())
    }
}
