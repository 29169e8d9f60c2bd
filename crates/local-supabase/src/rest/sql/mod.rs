//! SQL for SQLite from a query, the schema and the caller. Pure: nothing here runs a statement.

mod builder;
mod embed;
mod field;
mod filter;
mod order;
mod privileges;
mod read;
mod relation;
mod visible_rows;
mod write;

pub use builder::Sql;
pub(super) use privileges::require_select;
pub(super) use read::{Page, RowFormat, Select, count, rows, targets};
pub(super) use visible_rows::expression;
pub use visible_rows::{Operation, RowSet, visible_rows};
pub(super) use write::{
    Proposed, delete, find_conflict, insert, is_taken, missing_parent, referring_rows,
    still_referenced, update, violates_expression, violates_policy,
};
