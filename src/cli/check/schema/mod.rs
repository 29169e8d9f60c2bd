//! Whether the database matches the migrations, object by object. Pure.
//!
//! `describe_schema`, a function of the migrations, describes the database; [`Expected`] is the same
//! description of a database to which nothing but the migrations was applied; [`compare`] lists the
//! differences. `describe_environment` adds what is not of the migrations and matters nevertheless.

mod compare;
mod difference;
mod expected;
mod storage;
mod environment;

use std::collections::BTreeMap;

use serde::Deserialize;

pub use compare::compare;
pub use difference::Difference;
pub use expected::{Expected, ExpectedObject};

/// The aspects of an object, such as `owner` or `row-level security`.
pub type Aspects = BTreeMap<String, String>;

/// The response of `describe_schema`.
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

/// The response of `describe_environment`.
#[derive(Clone, Debug, Deserialize)]
pub struct Environment {
    /// As in [`Description`].
    pub objects: BTreeMap<String, Aspects>,
}

impl Description {
    /// The same database with what is around its tables.
    #[must_use]
    pub fn within(mut self, environment: Environment) -> Self {
        self.objects.extend(environment.objects);
        self
    }

    /// Whether it describes the local Supabase, which reports only tables and columns.
    pub fn is_local(&self) -> bool {
        self.server.starts_with("SQLite")
    }
}
