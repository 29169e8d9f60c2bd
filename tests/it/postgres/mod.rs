//! The migrations on a real PostgreSQL, attacked with plain SQL. Skipped, and said so, on a machine
//! that has none.

mod access;
mod account;
mod analytics;
mod catalog;
mod check;
mod database;
mod functions;
mod json;
mod many_approvals;
mod migrate;
mod parity;
mod plans;
mod postgrest;
mod projects;
mod race;
mod requests;
mod schema;
mod serve;
mod server;
mod session;
mod values;

pub use database::{Database, bare_database, database};
pub use session::{Refusal, Session, Transaction, literal};
