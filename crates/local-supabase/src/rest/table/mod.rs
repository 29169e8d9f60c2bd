//! `/chats` and its like: what each method does to a table.

mod create;
mod delete;
mod put;
mod read;
mod update;

pub(super) use read::{page_response, read_page};

use axum::http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, ALLOW};
use axum::http::{Method, StatusCode};
use axum::response::Response;

use super::error::RestError;
use super::headers::{MediaType, Return};
use super::query::Node;
use super::render::{Rendered, render, shape};
use super::request::Request;
use super::response::{PREFERENCE_APPLIED, empty, full, with_header};
use super::returned;
use super::session::Session;
use super::sql::{self, Page, RowSet};
use super::table_context::TableContext;
use super::transaction::{self, Transactions};

/// Answers a request for the table of that name.
pub(super) async fn answer(
    transactions: &Transactions<'_>,
    session: Session,
    name: &str,
    request: Request,
) -> Result<Response, RestError> {
    let table = session.project.schema.table(name)?;
    let write = match request.method {
        Method::GET | Method::HEAD => {
            return transactions
                .read(session, move |connection| {
                    read::read(TableContext { connection, session, table }, &request)
                })
                .await;
        }
        Method::POST => create::create,
        Method::PUT => put::put,
        Method::PATCH => update::update,
        Method::DELETE => delete::delete,
        Method::OPTIONS => return Ok(options()),
        ref other => return Err(RestError::unsupported_method(other.as_str())),
    };
    let has_rows = request.method != Method::DELETE;
    let request = if has_rows {
        transaction::read_body(request.body.len(), || request.read_payload()).await?
    } else {
        request
    };
    // Which rows these change, and how many, is up to the query.
    let changes_many = matches!(request.method, Method::PATCH | Method::DELETE);
    let work = move |connection: &_| write(TableContext { connection, session, table }, request);
    if changes_many {
        transactions.write_many(session, work).await
    } else {
        transactions.write(session, work).await
    }
}

fn options() -> Response {
    let allowed = "OPTIONS,GET,HEAD,POST,PUT,PATCH,DELETE".to_owned();
    let response = with_header(empty(StatusCode::OK), ALLOW, Some(allowed));
    with_header(response, ACCESS_CONTROL_ALLOW_ORIGIN, Some("*".to_owned()))
}

/// A query's parts: which rows a write is about, and what it returns of them.
fn split(root: Node) -> (Node, Node) {
    let Node { select, conditions, order, .. } = root;
    (Node { conditions, ..Node::default() }, Node { select, order, ..Node::default() })
}

/// Refuses a statement about every row of the table, as `pg_safeupdate` does, which Supabase loads
/// for PostgREST's connections. PostgreSQL notices it before it looks at permissions.
fn require_where(targets: &Node, statement: &str) -> Result<(), RestError> {
    if targets.conditions.is_empty() { Err(RestError::no_where(statement)) } else { Ok(()) }
}

/// The written rows, if the client wants to see them; and in any case the refusal of a client that
/// wants exactly one.
fn representation(
    target: TableContext<'_>,
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
    let TableContext { connection, session, table } = target;
    returned::check_write(session.project.schema, table, node)?;
    returned::check_related_orders(session.project.schema, table, node, 0)?;
    let scope = RowSet::Rows(rows);
    let select = sql::rows(session, table, node, scope, Page::ALL, shape(media_type))?;
    render(connection, &select, media_type).map(Some)
}

/// The answer to a write: its representation, or nothing with the status `without`.
fn written(
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

/// The number of written rows, if the client wants it counted.
fn total(request: &Request, rows: usize) -> Option<u64> {
    request.preferences.count.map(|_| rows as u64)
}
