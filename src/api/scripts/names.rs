//! The names of a script's files in `/files`. Pure.

use std::collections::HashSet;

/// The longest name: file systems take 255 bytes, and a number may be added.
const MAX_BYTES: usize = 240;

/// A unique name for each file: below /files, short enough, and numbered where two are the same. A
/// file's folders are kept unless another file has the name of one.
pub(super) fn unique<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut taken = HashSet::new();
    let mut folders = HashSet::new();
    let mut unique = |name: &str| {
        let mut name = sanitize_path(name);
        if parents(&name).any(|folder| taken.contains(folder)) {
            name = name.replace('/', "_");
        }
        let mut numbered = name.clone();
        let mut number = 1;
        while folders.contains(&numbered) || !taken.insert(numbered.clone()) {
            number += 1;
            let (stem, extension) = split(&name);
            numbered = format!("{stem} ({number}){extension}");
        }
        folders.extend(parents(&numbered).map(str::to_owned));
        numbered
    };
    names.into_iter().map(&mut unique).collect()
}

/// The folders that a name leads through.
fn parents(name: &str) -> impl Iterator<Item = &str> {
    name.match_indices('/').map(|(at, _)| &name[..at])
}

fn sanitize_path(name: &str) -> String {
    let steps: Vec<_> = name.split('/').map(sanitize).collect();
    let path = steps.join("/");
    if path.len() <= MAX_BYTES { path } else { sanitize(name) }
}

fn sanitize(name: &str) -> String {
    let is_bad = |c: char| matches!(c, '/' | '\\') || c.is_control();
    let name: String = name.chars().map(|c| if is_bad(c) { '_' } else { c }).collect();
    let name = if matches!(name.as_str(), "" | "." | "..") { "file".to_owned() } else { name };
    let (stem, extension) = split(&name);
    let room = MAX_BYTES.saturating_sub(extension.len());
    format!("{}{extension}", &stem[..stem.floor_char_boundary(room)])
}

/// A name and its extension, if that is short enough to be one.
fn split(name: &str) -> (&str, &str) {
    let at = name.rfind('.').filter(|at| *at > 0 && name.len() - at <= 16);
    name.split_at(at.unwrap_or(name.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain_short_and_different() {
        let long = format!("{}.csv", "é".repeat(255));
        let names = ["a.csv", "a.csv", "a (2).csv", "a.csv", "../x", "..", "b\n", ".env", &long];
        let unique = unique(names);
        let expected =
            ["a.csv", "a (2).csv", "a (2) (2).csv", "a (3).csv", "file/x", "file (2)", "b_"];
        assert_eq!(unique[..7], expected);
        assert_eq!(unique[7], ".env");
        assert!(unique[8].ends_with("é.csv") && unique[8].len() <= MAX_BYTES);
        let names = super::unique(["out/a.csv", "out/a.csv", "out", "b", "b/c"]);
        assert_eq!(names, ["out/a.csv", "out/a (2).csv", "out (2)", "b", "b_c"]);
    }
}
