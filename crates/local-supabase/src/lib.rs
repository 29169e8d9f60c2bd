//! A Supabase for one machine, on SQLite: `auth/v1`, `rest/v1` and `storage/v1` behind a listener of
//! their own.
//!
//! It lets a program that needs a Supabase project run without an account and without Docker, and a
//! front end's supabase-js works against it unchanged. Responses are those of real Supabase, down to
//! the error bodies; requests for what is not implemented are refused with Supabase's own errors.

mod auth;
mod auth_limits;
mod backup;
mod blobs;
mod body;
mod context;
mod credential;
mod data_dir;
mod describe;
pub mod functions;
mod database;
mod keys;
pub mod migrations;
mod open;
mod open_project;
mod open_error;
mod options;
mod passwords;
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

use std::io::{Read, Write};
use std::path::Path;
use std::sync::Arc;

use axum::http::request::Parts;
use axum::response::Response;
use bytes::Bytes;
use rusqlite::Connection;
use secrecy::SecretString;

pub use auth_limits::ClientAddress;
pub use backup::{BackupContents, BackupError};
use context::Context;
pub use describe::{FunctionDescription, SchemaDescription, TableDescription};
use functions::RestError;
pub use keys::PUBLISHABLE_KEY;
use migrations::Notice;
pub use open_error::OpenError;
pub use options::Options;
pub use passwords::{PASSWORD_KIB, PASSWORD_KIB_LEAST};
pub use project::{Bucket, Project};
pub use role::Role;

/// A local Supabase on an open data folder. Clones share it; the lock on the folder is released when the
/// last clone and the last router are dropped.
#[derive(Clone)]
pub struct LocalSupabase {
    context: Arc<Context>,
}

impl LocalSupabase {
    /// Opens a data folder. The folder and its contents are created on first use.
    pub fn open(data_dir: &Path, project: Project, options: Options) -> Result<Self, OpenError> {
        let context = open::open(data_dir, project, options)?;
        Ok(Self { context: Arc::new(context) })
    }

    /// Deletes the tables that migrations of a front end have made in a data folder, so that they can be
    /// applied again. Users, objects and the project's own tables stay.
    pub fn reset(data_dir: &Path, project: Project) -> Result<(), OpenError> {
        open::reset(data_dir, project)
    }

    /// Writes a backup of a data folder, on which a server may be running: a tar archive with the database,
    /// the files of Storage and the keys.
    pub fn backup(data_dir: &Path, output: impl Write) -> Result<BackupContents, BackupError> {
        backup::backup(data_dir, output)
    }

    /// Restores a backup into a folder that is empty or missing.
    pub fn restore(input: impl Read, data_dir: &Path) -> Result<BackupContents, BackupError> {
        backup::restore(input, data_dir)
    }

    /// The statements of the migrations that are not carried over, and what they make unavailable.
    pub fn notices(&self) -> &[Notice] {
        &self.context.notices
    }

    /// The routes `/auth/v1`, `/rest/v1` and `/storage/v1`. CORS and checks of the `Host` header are
    /// left to the program that listens, which adds them as layers.
    pub fn router(&self) -> axum::Router {
        router::build(self.context.clone())
    }

    /// Handles a request to `rest/v1` as a role. The path is relative to `/rest/v1`; keys and tokens in
    /// the headers are ignored.
    pub async fn rest(&self, role: Role, request: &Parts, body: Bytes) -> Response {
        let Context { database, project, clock, .. } = &*self.context;
        rest::handle(database, *project, clock, (role, role.into()), request, body).await
    }

    /// Opens another connection to the database, with the SQL functions that the schema uses. Policies
    /// do not apply to it.
    pub fn connect(&self) -> rusqlite::Result<Connection> {
        let connection = self.context.database.connect()?;
        rest::prepare(&connection, &self.context.clock)?;
        Ok(connection)
    }

    /// SQLite's query plan for reading a table with this query string.
    pub fn query_plan(&self, role: Role, table: &str, query: &str) -> Result<String, RestError> {
        let Context { project, clock, .. } = &*self.context;
        rest::query_plan(&self.connect()?, *project, clock, role, (table, query))
    }

    /// Interrupts all current and future work on the database, so that no thread delays the end of the
    /// process.
    pub fn interrupt_all(&self) {
        self.context.database.interrupt_all();
    }

    /// The key for front ends. It is not secret.
    pub fn publishable_key(&self) -> &'static str {
        keys::PUBLISHABLE_KEY
    }

    /// The service key, which bypasses row-level security.
    pub fn service_key(&self) -> &SecretString {
        &self.context.service_key
    }
}
