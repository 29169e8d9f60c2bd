//! The part of PL/pgSQL that is read for triggers: statements one after the other, with branches.

use sqlparser::ast::{DataType, Expr, Statement as Parsed};

use super::expression::inline::{self, Assigned};
use super::not_understood::{Result, not_understood};
use super::parse::{parse, parse_expr};
use super::split::split;
use super::statement::Statement;

/// Names and types.
pub type Variables = Vec<(String, DataType)>;

/// A statement.
#[derive(Debug)]
pub enum Step {
    /// `new.column := value`
    Set(String, Box<Expr>),
    /// `variable := value`, or `select value into variable`
    Assign(String, Assigned),
    /// `insert`, `update` or `delete`
    Data(Box<Parsed>),
    /// `raise exception`, with its message.
    Raise(String),
    /// `return new` or `return old`
    Return,
    /// `if …`: conditions with what follows each, and what follows if none holds.
    If(Vec<(Expr, Vec<Step>)>, Vec<Step>),
}

/// The variables and steps of `declare …; begin …; end`.
pub fn read(body: &str) -> Result<(Variables, Vec<Step>)> {
    let mut pieces: Vec<String> = split(body).iter().map(|piece| clean(piece.text)).collect();
    let mut variables = Vec::new();
    if let Some(first) = pieces.first().and_then(|first| after(first, "declare")) {
        pieces[0] = first;
        while pieces.first().is_some_and(|piece| after(piece, "begin").is_none()) {
            variables.push(inline::variable(&pieces.remove(0))?);
        }
    }
    let is_end = pieces.pop().is_some_and(|last| last.eq_ignore_ascii_case("end"));
    let first = pieces.first().and_then(|first| after(first, "begin"));
    let (true, Some(first)) = (is_end, first) else {
        return not_understood("its function has more than plain statements");
    };
    pieces[0] = first;
    let mut reader = Reader { pieces: pieces.into_iter().collect() };
    let steps = reader.until(&[])?;
    Ok((variables, steps))
}

struct Reader {
    pieces: std::collections::VecDeque<String>,
}

impl Reader {
    /// The steps up to one of these words, which stays.
    fn until(&mut self, words: &[&str]) -> Result<Vec<Step>> {
        let mut steps = Vec::new();
        while let Some(piece) = self.pieces.pop_front() {
            if words.iter().any(|word| begins(&piece, word)) {
                self.pieces.push_front(piece);
                return Ok(steps);
            }
            if !piece.is_empty() {
                steps.push(self.step(&piece)?);
            }
        }
        if words.is_empty() { Ok(steps) } else { not_understood("a branch does not end") }
    }

    fn step(&mut self, text: &str) -> Result<Step> {
        let lower = text.to_lowercase();
        if lower == "return new" || lower == "return old" {
            return Ok(Step::Return);
        }
        if let Some(rest) = after(text, "if") {
            return self.branches(&rest);
        }
        if let Some(rest) = after(text, "raise exception") {
            return Ok(Step::Raise(message(&rest)?));
        }
        if lower.starts_with("new.") {
            return set(text);
        }
        if let Ok((variable, value)) = inline::assignment(text) {
            return Ok(Step::Assign(variable, value));
        }
        match parse(text) {
            Ok(Statement::Data(statement)) => Ok(Step::Data(statement)),
            _ => not_understood(format!(
                "\"{}\" is not read",
                text.lines().next().unwrap_or_default()
            )),
        }
    }

    /// What follows `if`, up to `end if`.
    fn branches(&mut self, rest: &str) -> Result<Step> {
        let mut branches = vec![self.branch(rest)?];
        loop {
            let Some(piece) = self.pieces.pop_front() else {
                return not_understood("a branch does not end");
            };
            if let Some(rest) = after(&piece, "elsif").or_else(|| after(&piece, "elseif")) {
                branches.push(self.branch(&rest)?);
            } else if begins(&piece, "end if") {
                return Ok(Step::If(branches, Vec::new()));
            } else if let Some(rest) = after(&piece, "else") {
                self.pieces.push_front(rest);
                let otherwise = self.until(&["end if"])?;
                self.pieces.pop_front();
                return Ok(Step::If(branches, otherwise));
            } else {
                return not_understood("a branch does not end");
            }
        }
    }

    /// `condition then statements`
    fn branch(&mut self, rest: &str) -> Result<(Expr, Vec<Step>)> {
        let Some((condition, first)) = split_then(rest) else {
            return not_understood("if without then");
        };
        let condition = parse_expr(condition.trim())?;
        self.pieces.push_front(first.trim().to_owned());
        Ok((condition, self.until(&["elsif", "elseif", "else", "end if"])?))
    }
}

/// Comments of their own lines, and behind statements, are left out.
fn clean(text: &str) -> String {
    let lines = text.lines().map(|line| match line.find("--") {
        Some(at) if !line[..at].contains('\'') => &line[..at],
        _ => line,
    });
    lines.collect::<Vec<_>>().join("\n").trim().to_owned()
}

fn begins(text: &str, words: &str) -> bool {
    text.eq_ignore_ascii_case(words) || after(text, words).is_some()
}

/// What follows words at the beginning of a text.
fn after(text: &str, words: &str) -> Option<String> {
    let mut rest = text.trim_start();
    for word in words.split(' ') {
        rest = rest.trim_start();
        let start = rest.get(..word.len()).filter(|start| start.eq_ignore_ascii_case(word))?;
        rest = &rest[start.len()..];
        if !rest.starts_with(|c: char| c.is_whitespace() || c == '(') {
            return None;
        }
    }
    Some(rest.trim().to_owned())
}

/// At the first `then` that is a word, outside of quotes.
fn split_then(text: &str) -> Option<(&str, &str)> {
    let (mut quoted, mut at) = (false, 0);
    for word in text.split_inclusive(|c: char| c.is_whitespace()) {
        if !quoted && word.trim().eq_ignore_ascii_case("then") {
            return Some((&text[..at], &text[at + word.len()..]));
        }
        quoted ^= word.matches('\'').count() % 2 == 1;
        at += word.len();
    }
    None
}

/// The text of a message; what would be put into it is left out.
fn message(rest: &str) -> Result<String> {
    let end = |text: &str| text[1..].find('\'').map(|end| end + 1);
    match rest.strip_prefix('\'').and_then(|_| end(rest)) {
        Some(end) => Ok(rest[1..end].to_owned()),
        None => not_understood("a message that is no constant"),
    }
}

fn set(text: &str) -> Result<Step> {
    let Some((column, value)) = text.split_once('=') else {
        return not_understood(format!("\"{text}\" is not read"));
    };
    let column = column.trim_end_matches(':').trim()[4..].trim().to_lowercase();
    Ok(Step::Set(column.trim_matches('"').to_owned(), Box::new(parse_expr(value.trim())?)))
}
