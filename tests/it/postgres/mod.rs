//! The migrations on a real PostgreSQL, attacked with plain SQL. Skipped, and said so, on a machine
//! that has none.

#![allow(dead_code, unused_imports)]

mod access;
mod catalog;
mod database;
mod parity;
mod plans;
mod race;
mod server;
mod session;
mod values;

pub use database::{Database, bare_database, database, migrations};
pub use session::{Refusal, Session, Transaction, literal};
