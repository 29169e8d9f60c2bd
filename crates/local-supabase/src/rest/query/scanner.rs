//! A scanner for the text of one parameter, with the tokens that parameters share: names, quoted values
//! and JSON paths.

use super::ast::{Field, Step};
use crate::rest::error::RestError;

/// How deep embeds and logic trees may nest.
pub(super) const MAX_DEPTH: usize = 10;

#[derive(Clone, Copy)]
pub(super) struct Scanner<'a> {
    text: &'a str,
    position: usize,
}

/// The position of a syntax error.
#[derive(Debug, PartialEq)]
pub(super) struct Unexpected {
    column: usize,
    found: Option<char>,
    expecting: &'static str,
}

pub(super) type Parsed<T> = Result<T, Unexpected>;

impl Unexpected {
    /// As PostgREST words it: `what` names the parameter's kind, `shown` is its text.
    pub fn in_parameter(&self, what: &str, shown: &str) -> RestError {
        let message =
            format!("\"failed to parse {what} ({shown})\" (line 1, column {})", self.column);
        let found = match self.found {
            Some(found) => format!("unexpected \"{found}\""),
            None => "unexpected end of input".to_owned(),
        };
        RestError::parse(message, format!("{found} expecting {}", self.expecting))
    }
}

impl<'a> Scanner<'a> {
    pub fn new(text: &'a str) -> Self {
        Self { text, position: 0 }
    }

    pub fn rest(&self) -> &'a str {
        &self.text[self.position..]
    }

    pub fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub fn is_end(&self) -> bool {
        self.rest().is_empty()
    }

    /// Takes the next character.
    pub fn next(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.position += next.len_utf8();
        Some(next)
    }

    /// Takes `token` if the text goes on with it.
    pub fn eat(&mut self, token: &str) -> bool {
        let found = self.rest().starts_with(token);
        if found {
            self.position += token.len();
        }
        found
    }

    pub fn take_while(&mut self, accept: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|c| !accept(c)).unwrap_or(rest.len());
        self.position += end;
        &rest[..end]
    }

    pub fn skip_spaces(&mut self) {
        self.take_while(|c| c == ' ' || c == '\t');
    }

    pub fn fail<T>(&self, expecting: &'static str) -> Parsed<T> {
        let column = self.text[..self.position].chars().count() + 1;
        Err(Unexpected { column, found: self.peek(), expecting })
    }

    pub fn expect(&mut self, token: &str, expecting: &'static str) -> Parsed<()> {
        if self.eat(token) { Ok(()) } else { self.fail(expecting) }
    }

    /// Refuses to go deeper than `MAX_DEPTH`.
    pub fn check_depth(&self, depth: usize) -> Parsed<()> {
        if depth > MAX_DEPTH { self.fail("at most 10 levels of nesting") } else { Ok(()) }
    }

    /// `"…"` with backslash escapes, if that is what follows.
    pub fn quoted(&mut self) -> Option<String> {
        let mut ahead = *self;
        if !ahead.eat("\"") {
            return None;
        }
        let mut value = String::new();
        loop {
            match ahead.next()? {
                '"' => break,
                '\\' => value.push(ahead.next()?),
                other => value.push(other),
            }
        }
        *self = ahead;
        Some(value)
    }

    /// The name of a column or relation; a dash belongs to it unless it begins an arrow.
    pub fn name(&mut self) -> Parsed<String> {
        if let Some(name) = self.quoted() {
            return Ok(name);
        }
        let name = self.dashed(is_identifier);
        if name.is_empty() { self.fail("field name (* or [a..z0..9_$])") } else { Ok(name) }
    }

    /// An identifier after `::`.
    pub fn identifier(&mut self) -> Parsed<String> {
        let name = self.take_while(is_identifier).trim();
        if name.is_empty() { self.fail("letter or digit") } else { Ok(name.to_owned()) }
    }

    /// A name and the JSON path behind it.
    pub fn field(&mut self) -> Parsed<Field> {
        self.skip_spaces();
        let name = self.name()?;
        let (path, as_text) = self.json_path()?;
        self.skip_spaces();
        Ok(Field { name, path, as_text })
    }

    fn json_path(&mut self) -> Parsed<(Vec<Step>, bool)> {
        let mut path = Vec::new();
        let mut as_text = false;
        while !as_text && self.eat("->") {
            as_text = self.eat(">");
            path.push(self.step()?);
        }
        Ok((path, as_text))
    }

    fn step(&mut self) -> Parsed<Step> {
        if let Some(index) = self.index() {
            return Ok(Step::Index(index));
        }
        if let Some(key) = self.quoted() {
            return Ok(Step::Key(key));
        }
        let key = self.dashed(|c| !"(-:.,>)".contains(c));
        if key.is_empty() {
            return self.fail("any non reserved character different from: .,>()");
        }
        Ok(Step::Key(key))
    }

    fn index(&mut self) -> Option<i32> {
        let mut ahead = *self;
        let start = ahead.position;
        ahead.eat("-");
        ahead.take_while(|c| c.is_ascii_digit());
        let index = ahead.text[start..ahead.position].parse().ok()?;
        let ends = ["->", "::", ".", ",", ")"].iter().any(|end| ahead.rest().starts_with(end));
        if !ends && !ahead.is_end() {
            return None;
        }
        *self = ahead;
        Some(index)
    }

    fn dashed(&mut self, accept: impl Fn(char) -> bool) -> String {
        let start = self.position;
        loop {
            self.take_while(&accept);
            let mut ahead = *self;
            if !(ahead.eat("-") && ahead.peek().is_some_and(&accept)) {
                break;
            }
            *self = ahead;
        }
        self.text[start..self.position].trim().to_owned()
    }
}

fn is_identifier(c: char) -> bool {
    c.is_alphanumeric() || "_ $".contains(c)
}
