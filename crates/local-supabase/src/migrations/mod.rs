//! The reader of SQL migrations: what a project's `supabase/migrations` say, as the schema that is
//! served, and as tables in SQLite.
//!
//! Text flows one way: a file into statements (`split`), a statement into what it says (`parse`), all
//! of them into the state that they leave (`read`, `catalogue`), and that into the schema, with
//! expressions in SQLite's words (`expression`, `compile`), and into tables (`ddl`). None of it reads or
//! writes anything. `plan` puts it together, `apply` brings a database up to date.

mod apply;
mod catalogue;
mod compile;
mod data;
mod ddl;
mod expression;
mod not_understood;
mod parse;
mod plan;
mod plpgsql;
mod read;
mod registration;
mod split;
mod statement;
mod sync;
#[cfg(test)]
mod tests;
mod trial;
mod triggers;
mod types;

pub use apply::Legacy;
pub(crate) use apply::{ApplyError, Desired, FORMAT, apply};
pub use catalogue::Notice;
pub(crate) use plan::{notices_of, schema_of};
pub use read::Migration;
pub use registration::{Registration, TriggerBody, sha256};
