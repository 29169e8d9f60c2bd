//! `rest/v1`: PostgREST's API on the tables and functions of a project.
//!
//! A request flows one way: headers, query string and body are parsed without the schema (`request`,
//! `query`, `headers`, `payload`), translated to SQL with it (`schema`, `sql`), run in one transaction
//! (`table`, `write`, `rpc`) and rendered (`render`, `response`).

pub(super) mod error;
mod headers;
mod openapi;
mod payload;
mod query;
mod render;
mod request;
mod response;
pub(super) mod rpc;
pub(super) mod session;
pub(super) mod settings;
pub(super) mod sql;
mod sqlite_functions;
mod subquery_columns;
pub(super) mod suggest;
mod table;
pub(super) mod table_context;
#[cfg(test)]
mod tests;
pub(super) mod transaction;
pub mod value;
mod write;

use axum::http::Method;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;

use self::error::RestError;
use self::request::{Request, Resource};
use self::session::Session;
use self::settings::Claims;
use self::sql::{Page, RowFormat, RowSet, Sql};
use self::transaction::Transactions;
use super::database::Database;
use super::open_project::OpenProject;
use super::role::Role;
use clock::Clock;

/// Registers the SQL functions that the schema and the statements use. Every connection needs them.
pub(super) fn prepare(connection: &rusqlite::Connection, clock: &Clock) -> rusqlite::Result<()> {
    sqlite_functions::register(connection, clock)?;
    settings::register(connection, clock)
}

/// Answers a request whose path is relative to `/rest/v1`.
pub(super) async fn handle(
    database: &Database,
    project: OpenProject,
    clock: &Clock,
    (role, claims): (Role, Claims),
    parts: &Parts,
    body: Bytes,
) -> Response {
    let session = Session::new(role, project.schema, clock);
    let transactions = Transactions { database, claims, check_user: project.check_user };
    let answer = answer(&transactions, project, session, parts, body).await;
    answer.unwrap_or_else(|error| error.for_role(role).into_response())
}

async fn answer(
    transactions: &Transactions<'_>,
    project: OpenProject,
    session: Session,
    parts: &Parts,
    body: Bytes,
) -> Result<Response, RestError> {
    match Resource::parse(parts.uri.path())? {
        Resource::Root => openapi::answer(project, session.role, &parts.method, &parts.headers),
        Resource::Table(name) => {
            let request = Request::parse(parts, body, false)?;
            table::answer(transactions, session, name, request).await
        }
        Resource::Function(name) => {
            let by_get = matches!(parts.method, Method::GET | Method::HEAD);
            let request = Request::parse(parts, body, by_get)?;
            rpc::answer(transactions, project.functions, session, name, request).await
        }
    }
}

/// SQLite's query plan for a read.
pub(super) fn query_plan(
    connection: &rusqlite::Connection,
    project: OpenProject,
    clock: &Clock,
    role: Role,
    (table, query): (&str, &str),
) -> Result<String, RestError> {
    let session = Session::new(role, project.schema, clock);
    let table = project.schema.table(table)?;
    let query = query::parse(query, false)?;
    let page = Page::limited(0, query.root.limit);
    let select = sql::rows(session, table, &query.root, RowSet::All, page, RowFormat::Json)?;
    let explain = Sql::new("explain query plan ").append(select.sql);
    let steps: rusqlite::Result<Vec<String>> = explain.prepared(connection, |statement, values| {
        statement.query_map(values, |row| row.get("detail"))?.collect()
    });
    Ok(steps?.join("\n"))
}
