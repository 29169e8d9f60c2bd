//! Expressions of PostgreSQL in SQLite's words. Types are known, so that a comparison means what it
//! means there; what is not known to mean the same is not understood.

mod call;
mod cast;
mod common;
mod expr;
pub mod inline;
mod interval;
mod literal;
pub mod nullable;
mod operator;
pub mod query;
mod translator;
mod value;

pub use expr::row_expression;
pub use translator::{Relation, Scope, Translator, relation};
pub use value::{Kind, Value, quote};
