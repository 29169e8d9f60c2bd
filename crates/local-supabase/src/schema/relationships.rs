//! Which tables can be embedded in which, found by their foreign keys as PostgREST finds them.

use serde_json::json;

use super::{Schema, Table};
use crate::rest::error::RestError;
use crate::rest::suggest;

/// A foreign key as seen from one of its two tables, the origin.
#[derive(Debug)]
pub struct Relationship {
    /// The table at the other end.
    pub table: &'static Table,
    /// Pairs of the origin's column and the other table's.
    pub columns: Vec<(&'static str, &'static str)>,
    /// Whether a row of the origin has at most one row there.
    pub to_one: bool,
    constraint: &'static str,
    origin: &'static str,
    /// Whether the key belongs to the origin.
    outgoing: bool,
}

impl Schema {
    /// The relationship that `target` (a table, a foreign key or its column) and `hint` name.
    pub(crate) fn find_relationship(
        &self,
        origin: &'static Table,
        target: &str,
        hint: Option<&str>,
    ) -> Result<Relationship, RestError> {
        let mut found: Vec<_> = self
            .relationships(origin)
            .into_iter()
            .filter(|relationship| relationship.is_named(target, hint))
            .collect();
        match (found.pop(), found.is_empty()) {
            (Some(relationship), true) => Ok(relationship),
            (Some(last), false) => {
                found.push(last);
                Err(ambiguous(origin.name, target, &found))
            }
            (None, _) => Err(RestError::relationship_not_found(
                origin.name,
                target,
                hint,
                self.near(origin, target).as_deref(),
            )),
        }
    }

    fn relationships(&self, origin: &'static Table) -> Vec<Relationship> {
        let outgoing = origin.foreign_keys.iter().filter_map(|key| {
            let table = self.tables.iter().find(|table| table.name == key.references)?;
            let columns = zip(key.columns, key.foreign_columns);
            let to_one = true;
            Some(Relationship::new(origin, table, key.name, columns, to_one, true))
        });
        let incoming = self.tables.iter().flat_map(|table| {
            let keys = table.foreign_keys.iter().filter(|key| key.references == origin.name);
            keys.map(|key| {
                let columns = zip(key.foreign_columns, key.columns);
                let to_one = is_unique(table, key.columns);
                Relationship::new(origin, table, key.name, columns, to_one, false)
            })
        });
        outgoing.chain(incoming).collect()
    }

    /// A table that can be embedded and is spelled nearly like `target`.
    fn near(&self, origin: &'static Table, target: &str) -> Option<String> {
        let relationships = self.relationships(origin);
        let names = relationships.iter().map(|relationship| relationship.table.name);
        suggest::nearest(target, names).filter(|name| name != target)
    }
}

fn zip(
    left: &'static [&'static str],
    right: &'static [&'static str],
) -> Vec<(&'static str, &'static str)> {
    left.iter().copied().zip(right.iter().copied()).collect()
}

fn is_unique(table: &Table, columns: &[&str]) -> bool {
    table.unique.iter().any(|unique| {
        unique.is_conflict_target() && unique.columns.iter().all(|column| columns.contains(column))
    })
}

impl Relationship {
    fn new(
        origin: &'static Table,
        table: &'static Table,
        constraint: &'static str,
        columns: Vec<(&'static str, &'static str)>,
        to_one: bool,
        outgoing: bool,
    ) -> Self {
        Self { table, columns, to_one, constraint, origin: origin.name, outgoing }
    }

    fn is_named(&self, target: &str, hint: Option<&str>) -> bool {
        let names_table = target == self.table.name;
        let only = match self.columns[..] {
            [pair] => Some(pair),
            _ => None,
        };
        let names_own = |name: &str| only.is_some_and(|(own, _)| own == name);
        let names_foreign = |name: &str| only.is_some_and(|(_, foreign)| foreign == name);
        match (self.origin == self.table.name, hint) {
            (true, None) => names_table && !self.outgoing || names_own(target) && self.outgoing,
            (true, Some(hint)) => names_table && !self.outgoing && names_foreign(hint),
            (false, None) => names_table || self.constraint == target || names_own(target),
            (false, Some(hint)) => {
                names_table && (self.constraint == hint || names_own(hint) || names_foreign(hint))
            }
        }
    }

    fn describe(&self) -> serde_json::Value {
        let (own, foreign): (Vec<_>, Vec<_>) = self.columns.iter().copied().unzip();
        let cardinality = match (self.to_one, self.outgoing) {
            (true, true) => "many-to-one",
            (true, false) => "one-to-one",
            (false, _) => "one-to-many",
        };
        json!({
            "embedding": format!("{} with {}", self.origin, self.table.name),
            "cardinality": cardinality,
            "relationship": format!(
                "{} using {}({}) and {}({})",
                self.constraint, self.origin, own.join(", "), self.table.name, foreign.join(", ")
            ),
        })
    }
}

fn ambiguous(origin: &str, target: &str, found: &[Relationship]) -> RestError {
    let choices: Vec<_> =
        found.iter().map(|r| format!("'{}!{}'", r.table.name, r.constraint)).collect();
    let descriptions = found.iter().map(Relationship::describe).collect();
    RestError::relationship_ambiguous(origin, target, &choices.join(", "), descriptions)
}
