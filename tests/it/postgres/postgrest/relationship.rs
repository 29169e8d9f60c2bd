//! Which tables can be embedded in which, as PostgREST's `SchemaCache.hs` finds it and its `findRel`
//! looks it up.

use serde_json::{Value, json};

use super::catalog::{Catalog, ForeignKey};
use super::failure::Failure;

/// A relationship as its origin sees it. The order is that of PostgREST's error messages.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Relationship {
    pub origin: String,
    pub table: String,
    pub cardinality: Cardinality,
}

type Pairs = Vec<(String, String)>;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cardinality {
    OneToMany { constraint: String, columns: Pairs },
    ManyToOne { constraint: String, columns: Pairs },
    OneToOne { constraint: String, columns: Pairs },
    ManyToMany(Junction),
}

/// Each pair is the column of one end and that of the junction.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Junction {
    pub table: String,
    pub constraints: (String, String),
    pub origin_columns: Pairs,
    pub target_columns: Pairs,
}

use Cardinality::{ManyToMany, ManyToOne, OneToMany, OneToOne};

impl Catalog {
    /// The relationship of that name from this table.
    pub fn find(
        &self,
        origin: &str,
        target: &str,
        hint: Option<&str>,
    ) -> Result<Relationship, Failure> {
        let mut found: Vec<_> =
            self.relationships().into_iter().filter(|r| r.origin == origin).collect();
        found.sort();
        found.retain(|relationship| relationship.is_named(target, hint));
        match &found[..] {
            [one] => Ok(one.clone()),
            [] => Err(missing(origin, target, hint)),
            several => Err(ambiguous(origin, target, several)),
        }
    }

    fn relationships(&self) -> Vec<Relationship> {
        let forward: Vec<_> = self.keys.iter().map(|key| (key, self.is_one_to_one(key))).collect();
        let mut all: Vec<_> = forward.iter().map(|(key, one)| outgoing(key, *one)).collect();
        all.extend(forward.iter().map(|(key, one)| incoming(key, *one)));
        let many: Vec<_> = forward.iter().filter(|(_, one)| !one).map(|(key, _)| *key).collect();
        for first in &many {
            let others = many.iter().filter(|k| k.table == first.table && k.name != first.name);
            all.extend(others.filter_map(|second| self.through(first, second)));
        }
        all
    }

    fn is_one_to_one(&self, key: &ForeignKey) -> bool {
        let mut columns = key.columns.clone();
        columns.sort();
        self.tables[&key.table].unique.contains(&columns)
    }

    /// Two keys whose columns are part of the primary key make a junction.
    fn through(&self, first: &ForeignKey, second: &ForeignKey) -> Option<Relationship> {
        let key = &self.tables[&first.table].primary_key;
        let mut columns = first.columns.iter().chain(&second.columns);
        columns.all(|column| key.contains(column)).then(|| Relationship {
            origin: first.target.clone(),
            table: second.target.clone(),
            cardinality: ManyToMany(Junction {
                table: first.table.clone(),
                constraints: (first.name.clone(), second.name.clone()),
                origin_columns: zip(&first.target_columns, &first.columns),
                target_columns: zip(&second.target_columns, &second.columns),
            }),
        })
    }
}

fn zip(left: &[String], right: &[String]) -> Pairs {
    left.iter().cloned().zip(right.iter().cloned()).collect()
}

fn outgoing(key: &ForeignKey, one_to_one: bool) -> Relationship {
    let constraint = key.name.clone();
    let columns = zip(&key.columns, &key.target_columns);
    let cardinality = match one_to_one {
        true => OneToOne { constraint, columns },
        false => ManyToOne { constraint, columns },
    };
    Relationship { origin: key.table.clone(), table: key.target.clone(), cardinality }
}

fn incoming(key: &ForeignKey, one_to_one: bool) -> Relationship {
    let constraint = key.name.clone();
    let columns = zip(&key.target_columns, &key.columns);
    let cardinality = match one_to_one {
        true => OneToOne { constraint, columns },
        false => OneToMany { constraint, columns },
    };
    Relationship { origin: key.target.clone(), table: key.table.clone(), cardinality }
}

impl Relationship {
    pub fn is_to_one(&self) -> bool {
        matches!(self.cardinality, ManyToOne { .. } | OneToOne { .. })
    }

    /// The origin's columns that it needs.
    pub fn origin_columns(&self) -> impl Iterator<Item = &str> {
        let pairs = match &self.cardinality {
            OneToMany { columns, .. } | ManyToOne { columns, .. } | OneToOne { columns, .. } => {
                columns
            }
            ManyToMany(junction) => &junction.origin_columns,
        };
        pairs.iter().map(|(own, _)| own.as_str())
    }

    fn is_named(&self, target: &str, hint: Option<&str>) -> bool {
        let is_table = target == self.table;
        let (constraint, only) = match &self.cardinality {
            OneToMany { constraint, columns }
            | ManyToOne { constraint, columns }
            | OneToOne { constraint, columns } => {
                (Some(constraint.as_str()), columns.first().filter(|_| columns.len() == 1))
            }
            ManyToMany(_) => (None, None),
        };
        let own = |name: &str| only.is_some_and(|(own, _)| own == name);
        let foreign = |name: &str| only.is_some_and(|(_, foreign)| foreign == name);
        let junction = |name: &str| matches!(&self.cardinality, ManyToMany(j) if j.table == name);
        let to_many = matches!(self.cardinality, OneToMany { .. });
        let to_one = matches!(self.cardinality, ManyToOne { .. });
        match (self.origin == self.table, hint) {
            (true, None) => is_table && to_many || own(target) && to_one,
            (true, Some(hint)) => is_table && to_many && foreign(hint),
            (false, None) => is_table || constraint == Some(target) || own(target),
            (false, Some(hint)) => {
                let is_hinted = constraint == Some(hint) || own(hint) || foreign(hint);
                is_table && (is_hinted || junction(hint))
            }
        }
    }

    fn describe(&self) -> Value {
        let list = |pairs: &Pairs, second: bool| {
            let names = pairs.iter().map(|(a, b)| if second { b } else { a }.as_str());
            format!("({})", names.collect::<Vec<_>>().join(", "))
        };
        let direct = |word: &str, constraint: &str, columns: &Pairs| {
            let (own, foreign) = (list(columns, false), list(columns, true));
            let (origin, table) = (&self.origin, &self.table);
            (word.to_owned(), format!("{constraint} using {origin}{own} and {table}{foreign}"))
        };
        let (cardinality, relationship) = match &self.cardinality {
            OneToMany { constraint, columns } => direct("one-to-many", constraint, columns),
            ManyToOne { constraint, columns } => direct("many-to-one", constraint, columns),
            OneToOne { constraint, columns } => direct("one-to-one", constraint, columns),
            ManyToMany(junction) => {
                let Junction { table, constraints, origin_columns, target_columns } = junction;
                let (first, second) = (list(origin_columns, true), list(target_columns, true));
                let (a, b) = constraints;
                ("many-to-many".to_owned(), format!("{table} using {a}{first} and {b}{second}"))
            }
        };
        let embedding = format!("{} with {}", self.origin, self.table);
        json!({ "embedding": embedding, "cardinality": cardinality, "relationship": relationship })
    }

    fn choice(&self) -> String {
        let hint = match &self.cardinality {
            OneToMany { constraint, .. }
            | ManyToOne { constraint, .. }
            | OneToOne { constraint, .. } => constraint,
            ManyToMany(junction) => &junction.table,
        };
        format!("'{}!{hint}'", self.table)
    }
}

fn missing(origin: &str, target: &str, hint: Option<&str>) -> Failure {
    let using = hint.map(|hint| format!(" using the hint '{hint}'")).unwrap_or_default();
    let message = format!(
        "Could not find a relationship between '{origin}' and '{target}' in the schema cache"
    );
    Failure::new(400, "PGRST200", message).details(format!(
        "Searched for a foreign key relationship between '{origin}' and '{target}'{using} in the \
         schema 'public', but no matches were found."
    ))
}

fn ambiguous(origin: &str, target: &str, found: &[Relationship]) -> Failure {
    let choices: Vec<_> = found.iter().map(Relationship::choice).collect();
    let message = format!(
        "Could not embed because more than one relationship was found for '{origin}' and '{target}'"
    );
    let hint = format!(
        "Try changing '{target}' to one of the following: {}. Find the desired relationship in the \
         'details' key.",
        choices.join(", ")
    );
    let descriptions: Vec<_> = found.iter().map(Relationship::describe).collect();
    Failure::new(300, "PGRST201", message).details(descriptions).hint(hint)
}
