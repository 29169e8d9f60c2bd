//! What the writing methods share: the rows that they change, and their response.

use axum::http::StatusCode;
use axum::response::Response;

use crate::rest::error::RestError;
use crate::rest::headers::{MediaType, Return};
use crate::rest::query::Node;
use crate::rest::render::{Rendered, render, row_format};
use crate::rest::request::Request;
use crate::rest::response::{PREFERENCE_APPLIED, empty, full, with_header};
use crate::rest::sql::{self, Page, RowSet};
use crate::rest::subquery_columns;
use crate::rest::table_context::TableContext;

/// The parts of a query: the rows that a write changes, and what it returns of them.
pub(super) fn split(root: Node) -> (Node, Node) {
    let Node { select, conditions, order, .. } = root;
    (Node { conditions, ..Node::default() }, Node { select, order, ..Node::default() })
}

/// Refuses a statement without conditions, like `pg_safeupdate`, which Supabase loads for PostgREST's
/// connections. PostgreSQL checks this before permissions.
pub(super) fn require_where(targets: &Node, statement: &str) -> Result<(), RestError> {
    if targets.conditions.is_empty() { Err(RestError::no_where(statement)) } else { Ok(()) }
}

/// The written rows, if the client wants them. Fails for a client that wants exactly one row if there are
/// more or none.
pub(super) fn representation(
    context: TableContext<'_>,
    node: &Node,
    rows: &[i64],
    request: &Request,
) -> Result<Option<Rendered>, RestError> {
    let media_type = request.media_type;
    if request.preferences.returns != Some(Return::Representation) {
        return match media_type {
            MediaType::Object { .. } if rows.len() != 1 => Err(RestError::not_single(rows.len())),
            _ => Ok(None),
        };
    }
    let TableContext { connection, session, table } = context;
    let row_set = RowSet::Rows(rows);
    let select = sql::rows(session, table, node, row_set, Page::ALL, row_format(media_type))?;
    render(connection, &select, media_type).map(Some)
}

/// Whether the write reads the rows that it leaves.
pub(super) fn returns_rows(request: &Request) -> bool {
    matches!(request.preferences.returns, Some(Return::Representation | Return::HeadersOnly))
}

/// Refuses what could not be returned, before anything is written: PostgreSQL understands a statement
/// before it runs it.
pub(super) fn check_representation(
    context: TableContext<'_>,
    node: &Node,
    request: &Request,
) -> Result<(), RestError> {
    let TableContext { session, table, .. } = context;
    if !returns_rows(request) {
        return Ok(());
    }
    subquery_columns::check_write(session.schema, table, node)?;
    subquery_columns::check_related_orders(session.schema, table, node, 0)?;
    let format = row_format(request.media_type);
    sql::rows(session, table, node, RowSet::Rows(&[]), Page::ALL, format)?;
    Ok(())
}

/// The response to a write: its representation, or an empty one with the status `without`.
pub(super) fn written(
    request: &Request,
    representation: Option<Rendered>,
    status: StatusCode,
    without: StatusCode,
    preferences: &[&str],
) -> Response {
    let response = match representation {
        Some(rendered) => full(status, request.media_type, Some(rendered.body)),
        None => empty(without),
    };
    with_header(response, PREFERENCE_APPLIED, request.preferences.applied(preferences))
}

/// The number of written rows, if the client asked for a count.
pub(super) fn total(request: &Request, rows: usize) -> Option<u64> {
    request.preferences.count.map(|_| rows as u64)
}
