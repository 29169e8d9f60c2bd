//! A Supabase for one machine, on SQLite: `auth/v1`, `rest/v1` and `storage/v1` behind a listener of
//! their own.
//!
//! It exists so that a new user needs one command, no account and no Docker, and so that their front
//! end's own supabase-js works against it unchanged. It answers as real Supabase does, down to the
//! error bodies; what it does not implement it answers with Supabase's own errors.

mod auth;
mod body;
mod context;
mod credential;
mod data_dir;
pub mod functions;
mod database;
mod keys;
mod open_error;
mod project;
mod rest;
mod role;
mod router;
pub mod schema;
mod storage;
mod token;

// The project of the example, which the tests use, names the crate from outside.
#[cfg(test)]
extern crate self as local_supabase;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;

use axum::http::request::Parts;
use axum::response::Response;
use bytes::Bytes;
use rusqlite::Connection;

use clock::Clock;
use memory::Memory;

pub use auth::ClientAddress;
use context::Context;
use functions::RestError;
pub use keys::PUBLISHABLE_KEY;
pub use open_error::OpenError;
pub use project::{Bucket, Project};
pub use rest::describe::{Description, FunctionShape, TableShape};
pub use role::Role;

/// How a local Supabase is to behave.
#[derive(Clone, Debug)]
pub struct Options {
    /// Its address as front ends see it, e.g. `http://127.0.0.1:54321`.
    pub public_url: String,
    /// Whether people may sign in without saying who they are.
    pub allow_anonymous_users: bool,
    /// What time it is.
    pub clock: Clock,
    /// What bodies and answers may take.
    pub memory: Memory,
}

/// An open data folder and what serves it. Clones share both; the folder is free for another
/// process when the last clone and the last router are dropped.
#[derive(Clone)]
pub struct LocalSupabase {
    context: Arc<Context>,
}

impl LocalSupabase {
    /// Opens a data folder, creating it and what belongs into it at the first start.
    pub fn open(data_dir: &Path, project: Project, options: Options) -> Result<Self, OpenError> {
        let Options { public_url, allow_anonymous_users, clock, memory } = options;
        let context =
            Context::open(data_dir, project, &public_url, allow_anonymous_users, clock, memory)?;
        Ok(Self { context: Arc::new(context) })
    }

    /// Everything that its listener serves. It is for programs of this machine: what web pages may
    /// call (CORS) and which names it answers to are layers that its host adds.
    pub fn router(&self) -> axum::Router {
        router::build(self.context.clone())
    }

    /// Answers a request to `rest/v1` on behalf of a role. The path is relative to `/rest/v1`; whatever
    /// key or token the headers hold is not looked at.
    pub async fn rest(&self, role: Role, request: &Parts, body: Bytes) -> Response {
        let Context { database, project, clock, .. } = &*self.context;
        rest::handle(database, *project, clock, (role, role.into()), request, body).await
    }

    /// A connection of its own to the database, past all policies, as `psql` is to PostgreSQL. The
    /// functions that the schema uses are there.
    pub fn connect(&self) -> rusqlite::Result<Connection> {
        let connection = self.context.database.connect()?;
        rest::prepare(&connection, &self.context.clock)?;
        Ok(connection)
    }

    /// How SQLite reads the rows of a table that a query string asks for: which indexes serve it.
    pub fn query_plan(&self, role: Role, table: &str, query: &str) -> Result<String, RestError> {
        let Context { project, clock, .. } = &*self.context;
        rest::query_plan(&self.connect()?, *project, clock, role, (table, query))
    }

    /// Ends all work on the database, that in progress and that to come, so that no thread is busy
    /// with it when the process is to end.
    pub fn interrupt_all(&self) {
        self.context.database.interrupt_all();
    }

    /// The key for front ends, which is no secret.
    pub fn publishable_key(&self) -> &'static str {
        keys::PUBLISHABLE_KEY
    }

    /// The key that row-level security does not bind.
    pub fn service_key(&self) -> &str {
        &self.context.service_key
    }
}
