//! What translates expressions, and the names that they can use.

use std::collections::BTreeSet;

use super::value::{ROWS, ROWS_END, Value, quote};
use crate::migrations::catalogue::{Catalogue, Names, TableState};
use crate::migrations::not_understood::Result;
use crate::migrations::statement::Name;
use crate::migrations::types::leak;
use crate::schema::{Expression, Fragment};

/// What names an expression can use.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    pub relations: Vec<Relation>,
    /// Parameters of a function, by number and name.
    pub parameters: Vec<(Option<String>, Value)>,
}

/// A table in a scope.
#[derive(Clone, Debug)]
pub struct Relation {
    pub name: String,
    pub columns: Vec<(String, Value)>,
}

/// Turns expressions into SQLite's words.
pub struct Translator<'a> {
    pub catalogue: &'a Catalogue,
    /// The innermost last.
    pub scopes: Vec<Scope>,
    /// Whether sub-selects see every row, as those of `security definer` functions do.
    pub sees_all: bool,
    /// Whether what it is in runs as its owner, and not as the caller.
    pub as_owner: bool,
    /// Whether there is a sub-select.
    pub has_subselect: bool,
    /// The functions of the migrations that it calls itself.
    pub called: BTreeSet<Name>,
    /// Whether what is translated is what a select returns.
    pub(super) takes_aggregates: bool,
    pub(super) aliases: u32,
    /// How deep functions call one another.
    pub(super) depth: u32,
}

impl<'a> Translator<'a> {
    pub fn new(catalogue: &'a Catalogue) -> Self {
        Self {
            catalogue,
            scopes: vec![Scope::default()],
            sees_all: false,
            as_owner: false,
            has_subselect: false,
            called: BTreeSet::new(),
            takes_aggregates: false,
            aliases: 0,
            depth: 0,
        }
    }

    /// For expressions about a row of a table; `prefix` says how SQLite names the row, if it has to.
    pub fn for_row(
        catalogue: &'a Catalogue,
        table: &TableState,
        names: &Names,
        prefix: Option<&str>,
    ) -> Result<Self> {
        let mut translator = Self::new(catalogue);
        let relation = relation(catalogue, table, names, prefix)?;
        translator.scopes[0].relations.push(relation);
        Ok(translator)
    }

    /// A name for a relation within SQL that nothing else has.
    pub(super) fn alias(&mut self) -> String {
        self.aliases += 1;
        format!("\"~{}\"", self.aliases)
    }

    /// What was made, for the schema.
    pub fn finish(&self, sql: &str, postgres: &str) -> Expression {
        Expression {
            postgres: leak(postgres),
            sqlite: fragments(sql).leak(),
            has_subselect: self.has_subselect,
        }
    }
}

fn fragments(sql: &str) -> Vec<Fragment> {
    let mut fragments = Vec::new();
    for (index, part) in sql.split([ROWS, ROWS_END]).enumerate() {
        if index % 2 == 1 {
            fragments.push(Fragment::VisibleRows(leak(part)));
        } else if !part.is_empty() {
            fragments.push(Fragment::Sql(leak(part)));
        }
    }
    fragments
}

/// The row of a table, under the names that it had.
pub fn relation(
    catalogue: &Catalogue,
    table: &TableState,
    names: &Names,
    prefix: Option<&str>,
) -> Result<Relation> {
    let mut columns = Vec::new();
    for (name, id) in &names.columns {
        let Some(column) = table.column_by_id(*id) else { continue };
        let Ok(resolved) = catalogue.resolve(&column.data_type) else { continue };
        let sql = match prefix {
            Some(prefix) => format!("{prefix}.{}", quote(&column.name)),
            None => quote(&column.name),
        };
        columns.push((name.clone(), Value::new(sql, resolved.pg_type)));
    }
    Ok(Relation { name: names.table.clone(), columns })
}
