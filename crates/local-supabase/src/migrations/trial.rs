//! What was made is tried on an empty database, so that SQL that SQLite does not take is reported like
//! everything else that is not understood, and does not stop the start or fail a request.

use clock::Clock;
use rusqlite::Connection;

use super::ddl::SqliteTable;
use super::expression::quote;
use super::not_understood::{NotUnderstood, Result};
use super::triggers::SqliteTrigger;
use crate::schema::{Expression, Fragment, SYSTEM, Table};

/// A database in memory.
pub struct Trial(Connection);

impl Trial {
    pub fn new() -> rusqlite::Result<Self> {
        let connection = Connection::open_in_memory()?;
        crate::rest::prepare(&connection, &Clock::System)?;
        connection.execute_batch(SYSTEM)?;
        Ok(Self(connection))
    }

    /// Makes a table with its indexes.
    pub fn table(&self, table: &SqliteTable) -> Result<()> {
        self.run(&table.create)?;
        table.indexes.iter().try_for_each(|(_, sql)| self.run(sql))
    }

    /// Makes a trigger.
    pub fn trigger(&self, trigger: &SqliteTrigger) -> Result<()> {
        self.run(&trigger.sql)
    }

    /// Compiles every expression of a table, whose tables are there.
    pub fn expressions(&self, table: &Table) -> Result<()> {
        let policies = table.policies.iter().flat_map(|policy| [policy.using, policy.with_check]);
        let computed = table.columns.iter().map(|column| column.computed);
        let defaults = table.columns.iter().map(|column| match column.default {
            crate::schema::Default::Expression(expression) => Some(expression),
            _ => None,
        });
        let name = quote(table.name);
        for expression in policies.chain(computed).chain(defaults).flatten() {
            let sql = format!("select {} from {name}", spelled(&expression));
            self.0.prepare(&sql).map_err(|error| not_taken(&error))?;
        }
        Ok(())
    }

    fn run(&self, sql: &str) -> Result<()> {
        self.0.execute_batch(sql).map_err(|error| not_taken(&error))
    }
}

fn spelled(expression: &Expression) -> String {
    let spell = |fragment: &Fragment| match fragment {
        Fragment::Sql(sql) => (*sql).to_owned(),
        Fragment::VisibleRows(table) => quote(table),
    };
    expression.sqlite.iter().map(spell).collect()
}

fn not_taken(error: &rusqlite::Error) -> NotUnderstood {
    NotUnderstood(format!("SQLite does not take it: {error}"))
}
