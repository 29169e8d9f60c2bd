//! Writing rows, with PostgreSQL's order of checks: row-level security, nulls, check constraints,
//! unique keys, foreign keys.

mod constraint_error;
mod delete;
mod insert;
mod policy;
mod row;
mod update;

pub(super) use insert::{InsertOptions, Resolve, Written, conflict_target};
pub(super) use row::resolve_columns;
