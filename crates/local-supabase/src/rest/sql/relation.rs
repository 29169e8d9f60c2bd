//! A relation of the request, to be translated to SQL.

use super::builder::Alias;
use crate::rest::query::Node;
use crate::rest::session::Session;
use crate::schema::Table;

/// The most rows that a read returns: Supabase's setting of PostgREST's `db-max-rows`.
pub(super) const MAX_ROWS: u64 = 1000;

/// A relation of the request, with what its SQL depends on.
#[derive(Clone, Copy)]
pub(super) struct Relation<'a> {
    pub session: Session,
    pub table: &'static Table,
    pub alias: Alias,
    pub node: &'a Node,
}

impl<'a> Relation<'a> {
    pub fn root(session: Session, table: &'static Table, node: &'a Node) -> Self {
        Self { session, table, alias: Alias { table: table.name, depth: 0 }, node }
    }
}
