//! SQL for SQLite from a query, the schema and the caller. Pure: nothing here runs a statement.

mod builder;
mod embed;
mod field;
mod filter;
mod order;
mod read;
mod row_security;
mod visible_rows;
mod write;

pub(super) use builder::Alias;
pub use builder::Sql;
pub(super) use read::{Page, Select, Shape, count, rows, targets};
pub(super) use row_security::expression;
pub use visible_rows::{Operation, RowSet, source};
pub(super) use write::{
    Proposed, delete, find_conflict, insert, missing_parent, still_referenced, update,
    violates_check,
};

use super::query::Node;
use super::session::Session;
use crate::schema::Table;

/// More rows than this no read returns, as Supabase sets PostgREST up.
pub(super) const MAX_ROWS: u64 = 1000;

/// A relation of the request, to be turned into SQL.
#[derive(Clone, Copy)]
struct Relation<'a> {
    session: Session,
    table: &'static Table,
    alias: Alias,
    node: &'a Node,
}

impl<'a> Relation<'a> {
    fn root(session: Session, table: &'static Table, node: &'a Node) -> Self {
        Self { session, table, alias: Alias { table: table.name, depth: 0 }, node }
    }
}
