//! Whether the database is what the migrations say, object by object. Pure.
//!
//! `describe_schema`, a function of the migrations, describes the database; [`Expected`] is the same
//! description of a database to which nothing but the migrations was applied; [`compare`] says in
//! which ways they differ.

mod compare;
mod difference;
mod expected;
mod storage;

use std::collections::BTreeMap;

use serde::Deserialize;

pub use compare::compare;
pub use difference::Difference;
pub use expected::{Expected, ExpectedObject};

/// What is said of one object, such as `owner` or `row-level security`.
pub type Aspects = BTreeMap<String, String>;

/// What `describe_schema` answers.
#[derive(Clone, Debug, Deserialize)]
pub struct Description {
    /// `PostgreSQL 17.6`
    pub server: String,
    /// The database's clock.
    pub now: jiff::Timestamp,
    /// By name, such as `policy chats_select on public.chats`.
    pub objects: BTreeMap<String, Aspects>,
    /// What could not be read, and why.
    #[serde(default)]
    pub unseen: BTreeMap<String, String>,
}

impl Description {
    /// Whether it is the local Supabase's, whose functions, policies and grants are code.
    pub fn is_local(&self) -> bool {
        self.server.starts_with("SQLite")
    }
}
