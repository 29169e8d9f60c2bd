//! Which tables can be embedded in which, found by their foreign keys as PostgREST finds them.

use serde_json::{Value, json};

use super::{ForeignKey, Schema, Table};
use crate::rest::error::RestError;
use crate::rest::suggest;

/// A relationship between a table, the origin, and another one.
#[derive(Debug)]
pub struct Relationship {
    /// The table at the other end.
    pub table: &'static Table,
    /// Pairs of the origin's column and that of the other table, or of the junction.
    pub columns: Pairs,
    /// Whether a row of the origin has at most one related row.
    pub to_one: bool,
    /// The junction table of a many-to-many relationship.
    pub junction: Option<Junction>,
    constraint: &'static str,
    origin: &'static str,
    /// Whether the foreign key belongs to the origin.
    outgoing: bool,
}

type Pairs = Vec<(&'static str, &'static str)>;

/// A junction table: its primary key contains two foreign keys.
#[derive(Debug)]
pub struct Junction {
    /// The table.
    pub table: &'static Table,
    /// Pairs of the other table's column and the junction's.
    pub columns: Pairs,
    constraint: &'static str,
}

impl Schema {
    /// Finds the relationship that `target` (a table, a foreign key or its column) and `hint` name.
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
                Err(ambiguous(origin.name, target, found))
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
            let table = self.referenced(key)?;
            Some(Relationship::new(origin, table, key, is_unique(origin, key), true))
        });
        let incoming = self.tables.iter().flat_map(|table| {
            let keys = table.foreign_keys.iter().filter(|key| key.references == origin.name);
            keys.map(|key| Relationship::new(origin, table, key, is_unique(table, key), false))
        });
        let through = self.tables.iter().flat_map(|table| self.through(origin, table));
        outgoing.chain(incoming).chain(through).collect()
    }

    /// The many-to-many relationships of the origin through a junction table.
    fn through(&self, origin: &'static Table, table: &'static Table) -> Vec<Relationship> {
        let keys = || table.foreign_keys.iter().filter(|key| !is_unique(table, key));
        let mut found = Vec::new();
        for own in keys().filter(|key| key.references == origin.name) {
            for other in keys().filter(|key| key.name != own.name) {
                let mut columns = own.columns.iter().chain(other.columns);
                let is_key = columns.all(|column| table.primary_key().contains(column));
                if let Some(target) = self.referenced(other).filter(|_| is_key) {
                    found.push(Relationship::through(origin, target, table, own, other));
                }
            }
        }
        found
    }

    fn referenced(&self, key: &ForeignKey) -> Option<&'static Table> {
        self.tables.iter().find(|table| table.name == key.references).copied()
    }

    /// A table that can be embedded and has a name similar to `target`.
    fn near(&self, origin: &'static Table, target: &str) -> Option<String> {
        let relationships = self.relationships(origin);
        let names = relationships.iter().map(|relationship| relationship.table.name);
        suggest::nearest(target, names).filter(|name| name != target)
    }
}

fn zip(left: &'static [&'static str], right: &'static [&'static str]) -> Pairs {
    left.iter().copied().zip(right.iter().copied()).collect()
}

/// Whether the columns of a key are those of a primary key or unique constraint of its table.
fn is_unique(table: &Table, key: &ForeignKey) -> bool {
    table.unique.iter().any(|unique| {
        unique.is_constraint
            && unique.columns.len() == key.columns.len()
            && unique.columns.iter().all(|column| key.columns.contains(column))
    })
}

impl Relationship {
    fn new(
        origin: &'static Table,
        table: &'static Table,
        key: &ForeignKey,
        one_to_one: bool,
        outgoing: bool,
    ) -> Self {
        let columns = match outgoing {
            true => zip(key.columns, key.foreign_columns),
            false => zip(key.foreign_columns, key.columns),
        };
        Self {
            table,
            columns,
            to_one: outgoing || one_to_one,
            junction: None,
            constraint: key.name,
            origin: origin.name,
            outgoing,
        }
    }

    fn through(
        origin: &'static Table,
        target: &'static Table,
        table: &'static Table,
        own: &ForeignKey,
        other: &ForeignKey,
    ) -> Self {
        let columns = zip(other.foreign_columns, other.columns);
        Self {
            table: target,
            columns: zip(own.foreign_columns, own.columns),
            to_one: false,
            junction: Some(Junction { table, columns, constraint: other.name }),
            constraint: own.name,
            origin: origin.name,
            outgoing: false,
        }
    }

    fn is_named(&self, target: &str, hint: Option<&str>) -> bool {
        let names_table = target == self.table.name;
        if let Some(junction) = &self.junction {
            let is_self = self.origin == self.table.name;
            return names_table && !is_self && hint.is_none_or(|hint| hint == junction.table.name);
        }
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

    /// Its kind, with the place that PostgREST gives it among others.
    fn cardinality(&self) -> (u8, &'static str) {
        match (&self.junction, self.to_one, self.outgoing) {
            (Some(_), _, _) => (3, "many-to-many"),
            (None, false, _) => (0, "one-to-many"),
            (None, true, true) => (1, "many-to-one"),
            (None, true, false) => (2, "one-to-one"),
        }
    }

    fn describe(&self) -> Value {
        let (own, foreign): (Vec<_>, Vec<_>) = self.columns.iter().copied().unzip();
        let (own, foreign) = (own.join(", "), foreign.join(", "));
        let relationship = match &self.junction {
            Some(junction) => {
                let other: Vec<_> = junction.columns.iter().map(|(_, column)| *column).collect();
                format!(
                    "{} using {}({foreign}) and {}({})",
                    junction.table.name,
                    self.constraint,
                    junction.constraint,
                    other.join(", ")
                )
            }
            None => format!(
                "{} using {}({own}) and {}({foreign})",
                self.constraint, self.origin, self.table.name
            ),
        };
        json!({
            "embedding": format!("{} with {}", self.origin, self.table.name),
            "cardinality": self.cardinality().1,
            "relationship": relationship,
        })
    }

    /// The hint that names it.
    fn hint(&self) -> &'static str {
        self.junction.as_ref().map_or(self.constraint, |junction| junction.table.name)
    }
}

fn ambiguous(origin: &str, target: &str, mut found: Vec<Relationship>) -> RestError {
    found.sort_by_key(|r| (r.table.name, r.cardinality().0, r.hint(), r.constraint));
    let choices: Vec<_> =
        found.iter().map(|r| format!("'{}!{}'", r.table.name, r.hint())).collect();
    let descriptions = found.iter().map(Relationship::describe).collect();
    RestError::relationship_ambiguous(origin, target, &choices.join(", "), descriptions)
}
