//! SQL for SQLite from a query, the schema and the caller. Pure: nothing here runs a statement.

mod builder;
mod embed;
mod field;
mod filter;
mod order;
mod read;
mod relation;
mod visible_rows;
mod write;

pub use builder::Sql;
pub(super) use read::{Page, RowFormat, Select, count, rows, targets};
pub use visible_rows::{Operation, RowSet, visible_rows};
pub(super) use write::{
    Proposed, delete, find_conflict, insert, missing_parent, still_referenced, update,
    violates_check,
};
