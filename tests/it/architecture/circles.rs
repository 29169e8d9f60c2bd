//! No circles of files: what ties two files both ways is a third file, or they are one.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::{crates, files, source};

/// A module's path below its crate's root.
type Module = Vec<String>;

/// The files of a crate, by the modules that they are.
struct Crate {
    files: BTreeMap<Module, File>,
}

struct File {
    path: PathBuf,
    /// Its code without comments, texts, unit tests and imports.
    code: String,
    imports: Vec<Import>,
}

/// A name that a `use` brings into a file.
struct Import {
    name: String,
    path: Vec<String>,
}

#[test]
fn no_files_import_one_another_in_a_circle() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = fs::read_dir(crates()).unwrap().map(|entry| entry.unwrap().path().join("src"));
    let mut circles = Vec::new();
    for folder in folders.chain([source()]) {
        let name = folder.strip_prefix(root).unwrap().display().to_string();
        let found = Crate::read(&folder).circles().into_iter();
        circles.extend(found.map(|circle| format!("{name}: {circle}")));
    }
    circles.retain(|circle| !ALLOWED.iter().any(|allowed| circle.starts_with(allowed)));
    assert!(circles.is_empty(), "{} circles\n{}", circles.len(), circles.join("\n"));
}

/// Where circles are still to be opened; to be emptied.
const ALLOWED: &[&str] = &[];

#[test]
fn a_circle_is_found() {
    let file = |path: &str, text: &str| (module_path(Path::new(path)), File::parse(path, text));
    let with = |c: &str| {
        let files = [
            file("lib.rs", "mod a;\nmod c;\npub use a::{A, b::B};"),
            file("a/mod.rs", "pub mod b;\npub struct A(crate::c::C);"),
            file("a/b.rs", "// crate::c::C\nconst S: &str = \"crate::c::C\";\npub struct B;"),
            file("c.rs", c),
        ];
        Crate { files: files.into() }.circles()
    };
    assert_eq!(with("pub struct C(crate::B);"), [""; 0]);
    assert_eq!(with("use crate::{B, a::b};\npub struct C;"), [""; 0]);
    assert_eq!(with("use crate::A;\npub struct C(A);"), ["a/mod.rs → c.rs → a/mod.rs"]);
    assert_eq!(
        with("use super::{B, a::{self}};\npub struct C(a::A);"),
        ["a/mod.rs → c.rs → a/mod.rs"]
    );
    assert_eq!(with("#[cfg(test)]\nmod tests {\n    use crate::A;\n}\n"), [""; 0]);
}

impl Crate {
    fn read(source: &Path) -> Self {
        let read = |path: PathBuf| {
            let text = fs::read_to_string(&path).unwrap();
            let path = path.strip_prefix(source).unwrap().to_owned();
            (module_path(&path), File::parse(path, &text))
        };
        // The program is a crate of its own.
        let files = files(source).into_iter().filter(|path| !path.ends_with("src/main.rs"));
        Self { files: files.map(read).collect() }
    }

    /// One circle of each tangle, as `a.rs → b.rs → a.rs`.
    fn circles(&self) -> Vec<String> {
        let edges: BTreeMap<&Module, BTreeSet<&Module>> =
            self.files.keys().map(|module| (module, self.needs(module))).collect();
        let mut done = BTreeSet::new();
        let mut circles = Vec::new();
        for start in edges.keys() {
            let circle = shortest_circle(start, &edges);
            if let Some(circle) = circle.filter(|it| it.iter().all(|module| !done.contains(module)))
            {
                done.extend(circle.iter().copied());
                let names: Vec<_> = circle
                    .iter()
                    .map(|module| self.files[*module].path.display().to_string())
                    .collect();
                circles.push(names.join(" → "));
            }
        }
        circles
    }

    /// The files whose items a file names.
    fn needs<'a>(&'a self, module: &'a Module) -> BTreeSet<&'a Module> {
        let file = &self.files[module];
        // A name that is only handed on is no use of it.
        let is_used = |import: &&Import| {
            import.name == "*" || words(&file.code).any(|word| word == import.name)
        };
        let imported = file.imports.iter().filter(is_used).map(|import| import.path.clone());
        let paths = imported.chain(paths(&file.code));
        let found = paths.filter_map(|path| self.resolve(module, &path, 0));
        found.filter(|other| *other != module).collect()
    }

    /// The file in which the item of a path is defined.
    fn resolve(&self, from: &Module, path: &[String], depth: usize) -> Option<&Module> {
        let (mut at, mut rest) = match path.first()?.as_str() {
            "crate" => (Module::new(), &path[1..]),
            "super" => (from[..from.len().checked_sub(1)?].to_vec(), &path[1..]),
            "self" => (from.clone(), &path[1..]),
            _ => (from.clone(), path),
        };
        while rest.first().is_some_and(|first| first == "super") {
            at.pop()?;
            rest = &rest[1..];
        }
        while let Some(first) = rest.first() {
            let below = [&at[..], std::slice::from_ref(first)].concat();
            if !self.files.contains_key(&below) {
                break;
            }
            at = below;
            rest = &rest[1..];
        }
        let is_outside = rest.len() == path.len();
        let file = self.files.get_key_value(&at).filter(|_| !is_outside)?;
        let Some(name) = rest.first().filter(|_| depth < 9) else { return Some(file.0) };
        let handed_on = file.1.imports.iter().find(|import| import.name == *name);
        let found = handed_on.and_then(|import| self.resolve(&at, &import.path, depth + 1));
        let in_globs = || {
            let globs = file.1.imports.iter().filter(|import| import.name == "*");
            globs
                .filter_map(|glob| self.resolve(&at, &glob.path, depth + 1))
                .find(|module| self.files[*module].defines(name))
        };
        found.or_else(in_globs).or(Some(file.0))
    }
}

impl File {
    fn parse(path: impl Into<PathBuf>, text: &str) -> Self {
        let text = without_comments(text.split("#[cfg(test)]\nmod tests {").next().unwrap());
        let (mut code, mut imports) = (String::new(), Vec::new());
        let mut rest = text.as_str();
        while let Some(at) = find_use(rest) {
            code.push_str(&rest[..at]);
            let (tree, after) = rest[at + "use ".len()..].split_once(';').unwrap_or_default();
            expand(&[], tree, &mut imports);
            rest = after;
        }
        code.push_str(rest);
        // A declaration is no import.
        let is_declaration = |line: &str| line.contains("mod ") && line.ends_with(';');
        let code = code.replace("pub(in crate::", "pub(");
        let code = code.lines().filter(|line| !is_declaration(line)).collect::<Vec<_>>().join("\n");
        Self { path: path.into(), code, imports }
    }

    fn defines(&self, name: &str) -> bool {
        let kinds = ["fn", "struct", "enum", "trait", "type", "const", "static", "macro_rules!"];
        let words: Vec<_> =
            self.code.split(|c: char| c.is_whitespace() || "(<:;{".contains(c)).collect();
        words.windows(2).any(|pair| kinds.contains(&pair[0]) && pair[1] == name)
    }
}

fn module_path(path: &Path) -> Module {
    let path = path.with_extension("");
    let names = path.iter().map(|name| name.to_str().unwrap().to_owned());
    let mut names: Module = names.collect();
    if matches!(names.last().map(String::as_str), Some("mod" | "lib" | "main")) {
        names.pop();
    }
    names
}

/// Where the next `use` begins.
fn find_use(text: &str) -> Option<usize> {
    let is_word = |at: usize| text[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
    text.match_indices("use ").map(|(at, _)| at).find(|at| !is_word(*at))
}

/// The names that `a::{b, c as d}` brings.
fn expand(before: &[String], tree: &str, imports: &mut Vec<Import>) {
    let tree = tree.trim();
    let (path, list) = match tree.split_once('{') {
        Some((path, list)) => (path, list.rsplit_once('}').map(|(list, _)| list)),
        None => (tree, None),
    };
    let (path, alias) = path.split_once(" as ").unwrap_or((path, ""));
    let segments = path.split("::").map(str::trim).filter(|segment| !segment.is_empty());
    let mut path: Vec<_> = before.iter().cloned().chain(segments.map(str::to_owned)).collect();
    if let Some(list) = list {
        return split(list).into_iter().for_each(|item| expand(&path, item, imports));
    }
    if path.len() > 1 && path.last().is_some_and(|last| last == "self") {
        path.pop();
    }
    let Some(last) = path.last().cloned() else { return };
    if last == "*" {
        path.pop();
    }
    let name = if alias.is_empty() { last } else { alias.trim().to_owned() };
    imports.push(Import { name, path });
}

/// The items of a list, which may hold lists.
fn split(list: &str) -> Vec<&str> {
    let (mut items, mut depth, mut start) = (Vec::new(), 0, 0);
    for (at, c) in list.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                items.push(&list[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    items.push(&list[start..]);
    items
}

fn words(code: &str) -> impl Iterator<Item = &str> {
    code.split(|c: char| !c.is_alphanumeric() && c != '_')
}

/// The paths in code, such as `super::a::B`.
fn paths(code: &str) -> impl Iterator<Item = Vec<String>> {
    let paths = code.split(|c: char| !c.is_alphanumeric() && c != '_' && c != ':');
    let paths = paths.filter(|path| path.contains("::") && !path.starts_with("::"));
    paths.map(|path| path.split("::").filter(|it| !it.is_empty()).map(str::to_owned).collect())
}

/// Code without what is in comments and texts.
pub fn without_comments(text: &str) -> String {
    let mut code = String::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '/' if chars.peek() == Some(&'/') => {
                chars.by_ref().find(|c| *c == '\n');
                code.push('\n');
            }
            'r' if chars.clone().take(2).eq(['#', '"']) => {
                let mut before = ' ';
                let is_end = |c: char| std::mem::replace(&mut before, c) == '"' && c == '#';
                let _ = chars.by_ref().skip(2).position(is_end);
            }
            // A character, not a text.
            '\'' if chars.peek() == Some(&'"') => {
                chars.next();
            }
            '"' => {
                while let Some(c) = chars.next().filter(|c| *c != '"') {
                    if c == '\\' {
                        chars.next();
                    }
                }
            }
            _ => code.push(c),
        }
    }
    code
}

/// The shortest way from a module back to it.
fn shortest_circle<'a>(
    start: &'a Module,
    edges: &BTreeMap<&'a Module, BTreeSet<&'a Module>>,
) -> Option<Vec<&'a Module>> {
    let mut ways = std::collections::VecDeque::from([vec![start]]);
    let mut seen = BTreeSet::new();
    while let Some(way) = ways.pop_front() {
        for next in &edges[way.last()?] {
            if *next == start {
                return Some([&way[..], &[start]].concat());
            }
            if seen.insert(*next) {
                ways.push_back([&way[..], &[*next]].concat());
            }
        }
    }
    None
}
