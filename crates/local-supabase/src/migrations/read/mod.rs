//! The statements of the files, one after the other, onto the catalogue.

mod access;
mod alter;
mod block;
mod objects;
mod search_path;
mod table;

pub use table::sequence_of;

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};

use super::catalogue::{Catalogue, Id, Notice, TableState};
use super::not_understood::{NotUnderstood, Result, not_understood};
use super::parse::parse;
use super::registration::Registration;
use super::split::{Piece, split};
use super::statement::{Name, Statement};
use search_path::SearchPath;

/// A file of a project's migrations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Migration {
    /// Its name: `20260101000000_todos.sql`.
    pub file: String,
    /// What is in it.
    pub sql: String,
    /// Whether it is the project's, and not a front end's.
    pub(crate) is_own: bool,
}

impl Migration {
    /// A file of a front end.
    pub fn new(file: impl Into<String>, sql: impl Into<String>) -> Self {
        Self { file: file.into(), sql: sql.into(), is_own: false }
    }
}

/// Reads files onto a catalogue.
pub struct Reader<'a> {
    pub catalogue: Catalogue,
    registrations: &'a [Registration],
    place: (String, usize),
    is_own: bool,
    made: u32,
    /// Tables of the project that a front end would have made itself: what else it says of them is not
    /// meant for ours.
    taken: Vec<Name>,
    /// The catalogue as the last statement that changes rows has met it, if it is still so.
    snapshot: Option<Arc<Catalogue>>,
}

/// A statement that changes rows, and what there was when it came.
#[derive(Debug)]
pub struct DataStep {
    pub before: Arc<Catalogue>,
    pub statement: sqlparser::ast::Statement,
    pub file: String,
    pub line: usize,
    pub head: String,
}

impl<'a> Reader<'a> {
    pub fn new(registrations: &'a [Registration], exposes: bool) -> Self {
        let place = (String::new(), 0);
        Self {
            catalogue: Catalogue::new(exposes),
            registrations,
            place,
            is_own: false,
            made: 0,
            taken: Vec::new(),
            snapshot: None,
        }
    }

    /// Reads a file. Its statements that change rows are handed to `data`, if it was not applied yet.
    pub fn read(&mut self, migration: &Migration, mut data: Option<&mut Vec<DataStep>>) {
        let mut path = SearchPath::default();
        let mut transaction = None;
        for piece in split(&migration.sql) {
            let at = At { file: &migration.file, piece };
            path.set(piece.text);
            let steps = data.as_ref().map_or(0, |steps| steps.len());
            match piece.text.to_lowercase().split_whitespace().next() {
                Some("begin" | "start") => transaction = Some((self.catalogue.clone(), steps)),
                Some("rollback" | "abort") => {
                    self.snapshot = None;
                    if let Some((catalogue, steps)) = transaction.take() {
                        self.catalogue = catalogue;
                        data.iter_mut().for_each(|data| data.truncate(steps));
                    }
                    continue;
                }
                _ => {}
            }
            self.place = (migration.file.clone(), piece.line);
            self.is_own = migration.is_own;
            self.made = 0;
            let statement = match parse(piece.text) {
                Err(error) => {
                    self.snapshot = None;
                    self.failed(&at, &error);
                    continue;
                }
                Ok(Statement::Data(statement)) => {
                    if let Some(steps) = data.as_deref_mut() {
                        let before =
                            self.snapshot.get_or_insert_with(|| Arc::new(self.catalogue.clone()));
                        let before = before.clone();
                        let (file, line, head) = (at.file.to_owned(), piece.line, at.head());
                        steps.push(DataStep { before, statement: *statement, file, line, head });
                    }
                    continue;
                }
                Ok(mut statement) => {
                    path.apply(&mut statement, piece.text);
                    statement
                }
            };
            if !self.is_own && statement.table().is_some_and(|name| self.taken.contains(name)) {
                continue;
            }
            self.snapshot = None;
            match self.apply(statement, &at) {
                Ok(()) => {}
                Err(Failure(error, Some(consequence))) => {
                    self.notice(&at, format!("{error}; {consequence}"));
                }
                Err(Failure(error, None)) => self.failed(&at, &error),
            }
        }
    }

    fn notice(&mut self, at: &At<'_>, message: String) {
        let notice =
            Notice { file: at.file.to_owned(), line: at.piece.line, statement: at.head(), message };
        self.catalogue.notices.push(notice);
    }

    fn is_registered(&self, at: &At<'_>) -> bool {
        self.registrations.iter().any(|known| known.stands_for(at.file, at.piece.text))
    }

    /// What is not carried over may protect the rows of the table that it names.
    fn failed(&mut self, at: &At<'_>, error: &NotUnderstood) {
        if self.is_registered(at) {
            return;
        }
        let subject = Subject::of(at.piece.text);
        if !self.is_own && subject.as_ref().is_some_and(|subject| self.is_taken(subject)) {
            return;
        }
        let Some(subject) = subject else {
            self.notice(at, format!("{error}; it changes nothing here"));
            return;
        };
        let consequence = match subject {
            Subject::NewTable(name) => {
                let text = format!("the table {} is not available", name.name);
                let problem =
                    format!("its statement in {}:{} is not understood", at.file, at.piece.line);
                self.unavailable_table(name, problem);
                text
            }
            Subject::Table(name) => match self.table_mut(&name) {
                Ok(table) => {
                    table.problems.push(format!(
                        "a statement about it in {}:{} is not understood: {error}",
                        at.file, at.piece.line
                    ));
                    format!("the table {} is not available", name.name)
                }
                Err(_) => "it changes nothing here".to_owned(),
            },
            Subject::Revoked(name) => {
                let problem = format!(
                    "a statement that may protect it in {}:{} is not understood: {error}",
                    at.file, at.piece.line
                );
                let is_known = self.catalogue.table(&name).is_some();
                let tables = self.catalogue.tables.iter_mut().filter(|table| !table.is_own);
                for table in tables.filter(|table| !is_known || table.name == name) {
                    table.problems.push(problem.clone());
                }
                "the tables that it may protect are not available".to_owned()
            }
            Subject::NewTables => {
                self.catalogue.has_event_trigger = true;
                "tables that come after it are not available".to_owned()
            }
            Subject::Named(kind, name) => format!("the {kind} {name} is not available"),
        };
        self.notice(at, format!("{error}; {consequence}"));
    }

    fn is_taken(&self, subject: &Subject) -> bool {
        match subject {
            Subject::NewTable(name) | Subject::Table(name) => self.taken.contains(name),
            Subject::Revoked(_) | Subject::NewTables | Subject::Named(..) => false,
        }
    }

    fn unavailable_table(&mut self, name: Name, problem: String) {
        if let Ok(table) = self.table_mut(&name) {
            table.problems.push(problem);
            return;
        }
        let mut table = TableState::new(self.next_id(), name);
        table.problems.push(problem);
        self.catalogue.tables.push(table);
    }

    /// What stays the same for a table or column however the reader learns to read more: the statement
    /// that makes it, and its number there.
    fn next_id(&mut self) -> Id {
        self.made += 1;
        let (file, line) = &self.place;
        let digest = digest(&SHA256, format!("{file}:{line}:{}", self.made).as_bytes());
        let bytes = digest.as_ref().first_chunk().copied().unwrap_or_default();
        // SQLite's integers have a sign.
        Id::from_be_bytes(bytes) >> 1
    }

    fn table_mut(&mut self, name: &Name) -> Result<&mut TableState> {
        let found = self.catalogue.tables.iter_mut().find(|table| table.name == *name);
        match found {
            Some(table) => Ok(table),
            None => not_understood(format!("there is no table {}.{}", name.schema, name.name)),
        }
    }
}

/// Where a statement stands.
pub struct At<'a> {
    file: &'a str,
    piece: Piece<'a>,
}

impl At<'_> {
    /// The beginning of the statement, on one line.
    fn head(&self) -> String {
        let words: Vec<&str> = self.piece.text.split_whitespace().take(8).collect();
        let head = words.join(" ");
        if head.len() < 80 { head } else { head[..head.floor_char_boundary(80)].to_owned() }
    }
}

/// An error, and what it makes unavailable.
pub struct Failure(NotUnderstood, Option<String>);

impl From<NotUnderstood> for Failure {
    fn from(error: NotUnderstood) -> Self {
        Self(error, None)
    }
}

/// What a statement is about that could not be read.
enum Subject {
    NewTable(Name),
    Table(Name),
    /// Of `revoke`: a table, or several.
    Revoked(Name),
    /// Those that come.
    NewTables,
    Named(&'static str, String),
}

impl Subject {
    fn of(text: &str) -> Option<Self> {
        let without_comments = strip_comments(text);
        let mut words = words(&without_comments);
        if words.get(1).is_some_and(|word| word.eq_ignore_ascii_case("or")) {
            words.drain(1..words.len().min(3));
        }
        let lower: Vec<String> = words.iter().map(|word| word.to_lowercase()).collect();
        let at = |n: usize| lower.get(n).map(String::as_str).unwrap_or_default();
        let after = |skipped: &[&str], mut n: usize| {
            while skipped.contains(&at(n)) {
                n += 1;
            }
            words.get(n).copied()
        };
        let name = |word: &str| {
            let parts: Vec<String> = word
                .split('.')
                .map(|part| match part.strip_prefix('"') {
                    Some(quoted) => quoted.trim_end_matches('"').to_owned(),
                    None => part.to_lowercase(),
                })
                .collect();
            match &parts[..] {
                [name] => Name { schema: "public".to_owned(), name: name.clone() },
                [schema, .., name] => Name { schema: schema.clone(), name: name.clone() },
                [] => Name { schema: String::new(), name: String::new() },
            }
        };
        let skipped = ["if", "not", "exists", "only"];
        let on = || {
            let position = lower.iter().position(|word| word == "on")?;
            let skipped = ["only", "table"];
            after(&skipped, position + 1).map(name)
        };
        match (at(0), at(1)) {
            ("create", "table") => after(&skipped, 2).map(|word| Self::NewTable(name(word))),
            ("create", "unlogged") => after(&skipped, 3).map(|word| Self::NewTable(name(word))),
            ("alter", "table") => after(&skipped, 2).map(|word| Self::Table(name(word))),
            ("create" | "alter", "policy") | ("create", "unique" | "trigger" | "constraint") => {
                on().map(Self::Table)
            }
            ("revoke", _) => on().map(Self::Revoked),
            ("alter", "default") if lower.iter().any(|word| word == "revoke") => {
                Some(Self::NewTables)
            }
            _ if lower.iter().take(4).any(|word| word == "rule") => {
                let position = lower.iter().position(|word| word == "to")?;
                words.get(position + 1).copied().map(name).map(Self::Table)
            }
            ("create", "function") => Some(Self::Named("function", words.get(2)?.to_string())),
            ("create", "type" | "domain") => Some(Self::Named("type", words.get(2)?.to_string())),
            ("create", "view" | "materialized") => {
                Some(Self::Named("view", words.get(2)?.to_string()))
            }
            _ => None,
        }
    }
}

/// The words of a statement; a name in quotes is one, whatever is in it.
fn words(text: &str) -> Vec<&str> {
    let (mut words, mut start, mut quoted) = (Vec::new(), None, false);
    for (at, c) in text.char_indices() {
        quoted ^= c == '"';
        let is_end = !quoted && (c.is_whitespace() || matches!(c, '(' | ';' | ','));
        match (is_end, start) {
            (true, Some(from)) => {
                words.push(&text[from..at]);
                start = None;
            }
            (false, None) => start = Some(at),
            _ => {}
        }
    }
    words.extend(start.map(|from| &text[from..]));
    words
}

fn strip_comments(text: &str) -> String {
    let lines = text.lines().map(|line| line.split("--").next().unwrap_or_default());
    lines.collect::<Vec<_>>().join("\n")
}
