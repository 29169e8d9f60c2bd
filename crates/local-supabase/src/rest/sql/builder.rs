//! A statement under construction.

use std::fmt;

use rusqlite::types::Value;
use rusqlite::{Connection, ParamsFromIter, Statement, params_from_iter};

use crate::database::limits::check;
use crate::rest::error::RestError;

/// Longer statements are compiled each time.
const MAX_CACHED: usize = 16 << 10;
/// The longest statement.
const MAX_TEXT: usize = 2 << 20;
/// How many values SQLite takes in one statement.
const MAX_VALUES: usize = 32_766;

/// SQL text and the values bound to it. Text can only be added from the program's own constants and
/// the schema's names, so nothing a client sends can become part of it.
#[derive(Clone, Debug, Default)]
pub struct Sql {
    text: String,
    values: Vec<Value>,
}

/// The name of a table within a statement: its own at the root, `messages_1` below.
#[derive(Clone, Copy, Debug)]
pub struct Alias {
    pub table: &'static str,
    pub depth: usize,
}

impl fmt::Display for Alias {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.depth {
            0 => f.write_str(self.table),
            depth => write!(f, "{}_{depth}", self.table),
        }
    }
}

impl Sql {
    /// A statement that begins with this text.
    pub fn new(text: &'static str) -> Self {
        Self { text: text.to_owned(), values: Vec::new() }
    }

    /// A single bound value.
    pub(crate) fn bound(value: impl Into<Value>) -> Self {
        Self::default().bind(value)
    }

    /// Prepares the statement and calls `work` with it and the values to bind.
    pub(crate) fn prepared<T, E: From<rusqlite::Error>>(
        &self,
        connection: &Connection,
        work: impl FnOnce(&mut Statement<'_>, ParamsFromIter<&[Value]>) -> Result<T, E>,
    ) -> Result<T, E> {
        check()?;
        let values = params_from_iter(&self.values[..]);
        // A long statement is unlikely to be repeated.
        if self.text.len() > MAX_CACHED {
            return work(&mut connection.prepare(&self.text)?, values);
        }
        work(&mut *connection.prepare_cached(&self.text)?, values)
    }

    /// Refuses statements that SQLite cannot compile, or not in reasonable time.
    pub(crate) fn check_size(self) -> Result<Self, RestError> {
        self.check_repeated(1)?;
        Ok(self)
    }

    /// The same for a part that occurs several times in a statement.
    pub(crate) fn check_repeated(&self, times: usize) -> Result<(), RestError> {
        if self.text.len() * times > MAX_TEXT || self.values.len() * times > MAX_VALUES {
            return Err(RestError::too_complex());
        }
        Ok(())
    }

    /// Adds text.
    pub fn push(mut self, text: &'static str) -> Self {
        self.text.push_str(text);
        self
    }

    /// Adds a bound value.
    pub fn bind(mut self, value: impl Into<Value>) -> Self {
        self.text.push('?');
        self.values.push(value.into());
        self
    }

    /// Adds another statement.
    pub fn append(mut self, other: Self) -> Self {
        self.text.push_str(&other.text);
        self.values.extend(other.values);
        self
    }

    /// `function(argument)`
    pub(crate) fn call(function: &'static str, argument: Self) -> Self {
        Self::new(function).push("(").append(argument).push(")")
    }

    pub(crate) fn name(mut self, name: &'static str) -> Self {
        self.text.push('"');
        self.text.push_str(name);
        self.text.push('"');
        self
    }

    pub(crate) fn alias(mut self, alias: Alias) -> Self {
        self.text.push('"');
        self.text.push_str(&alias.to_string());
        self.text.push('"');
        self
    }

    pub(crate) fn column(self, alias: Alias, column: &'static str) -> Self {
        self.alias(alias).push(".").name(column)
    }

    /// The parts with `separator` between them.
    pub(crate) fn join(separator: &'static str, parts: impl IntoIterator<Item = Self>) -> Self {
        let mut joined = Self::default();
        for (index, part) in parts.into_iter().enumerate() {
            let part_of = if index > 0 { joined.push(separator) } else { joined };
            joined = part_of.append(part);
        }
        joined
    }

    /// The same for associative operators, as a balanced tree: SQLite limits the depth of expressions to
    /// a thousand.
    pub(crate) fn tree(operator: &'static str, mut parts: Vec<Self>) -> Self {
        if parts.len() <= 8 {
            return Self::join(operator, parts);
        }
        let right = parts.split_off(parts.len() / 2);
        let half = |parts| Self::new("(").append(Self::tree(operator, parts)).push(")");
        half(parts).push(operator).append(half(right))
    }

    /// A list of names in parentheses.
    pub(crate) fn names(names: impl IntoIterator<Item = &'static str>) -> Self {
        let names = names.into_iter().map(|name| Self::default().name(name));
        Self::new("(").append(Self::join(", ", names)).push(")")
    }

    /// `(select value from json_each(…))`: any number of values in one bound value.
    pub(crate) fn list(values: &[Value]) -> Self {
        Self::new("(select value from ").append(Self::elements(values)).push(")")
    }

    /// The same as a table, for a `from`.
    pub(crate) fn elements(values: &[Value]) -> Self {
        let values: Vec<_> = values.iter().map(to_json).collect();
        Self::new("json_each(").bind(serde_json::Value::from(values).to_string()).push(")")
    }

    /// The same for row ids.
    pub(crate) fn row_ids(rows: &[i64]) -> Self {
        Self::new("(select value from json_each(").bind(json_array(rows)).push("))")
    }
}

/// Row ids as a JSON array.
pub(super) fn json_array(rows: &[i64]) -> String {
    serde_json::Value::from(rows).to_string()
}

fn to_json(value: &Value) -> serde_json::Value {
    match value {
        Value::Integer(number) => (*number).into(),
        Value::Real(number) => (*number).into(),
        Value::Text(text) => text.as_str().into(),
        Value::Null | Value::Blob(_) => serde_json::Value::Null,
    }
}
