//! GET and HEAD.

use axum::http::{Method, StatusCode};
use axum::response::Response;
use rusqlite::Connection;

use crate::rest::error::RestError;
use crate::rest::headers::{MediaType, Range};
use crate::rest::render::{Rendered, render, row_format};
use crate::rest::request::Request;
use crate::rest::response::{
    CONTENT_LOCATION, CONTENT_RANGE, PREFERENCE_APPLIED, full, with_header,
};
use crate::rest::sql::{self, Page, RowFormat, RowSet, Sql};
use crate::rest::subquery_columns;
use crate::rest::table_context::TableContext;

/// The longest `Content-Location`, in bytes.
const MAX_LOCATION: usize = 8 << 10;

/// A page of rows and, if requested, the total number of rows.
pub struct RowsPage {
    range: Range,
    rendered: Rendered,
    total: Option<u64>,
}

pub(super) fn read(context: TableContext<'_>, request: &Request) -> Result<Response, RestError> {
    let page = read_page(context, RowSet::All, request)?;
    let query = &request.query.canonical;
    let separator = if query.is_empty() { "" } else { "?" };
    let location = format!("/{}{separator}{query}", context.table.name);
    // Clients limit the length of headers.
    let location = Some(location).filter(|location| location.len() <= MAX_LOCATION);
    Ok(with_header(page_response(page, request), CONTENT_LOCATION, location))
}

/// Reads the page that the request asks for.
pub fn read_page(
    context: TableContext<'_>,
    row_set: RowSet<'_>,
    request: &Request,
) -> Result<RowsPage, RestError> {
    let TableContext { connection, session, table } = context;
    let node = &request.query.root;
    subquery_columns::check_related_orders(session.schema, table, node, 0)?;
    let range = request.range()?;
    let page = Page::limited(range.offset, range.limit);
    let counts = request.preferences.count.is_some();
    let total = counts.then(|| sql::count(session, table, node, row_set)).transpose()?;
    let is_head = request.method == Method::HEAD;
    let row_format = if is_head { RowFormat::Bare } else { row_format(request.media_type) };
    let select = sql::rows(session, table, node, row_set, page, row_format)?;
    let media_type = if is_head { bare(request.media_type) } else { request.media_type };
    let rendered = render(connection, &select, media_type)?;
    let total = total.map(|count| number(connection, &count)).transpose()?;
    Ok(RowsPage { range, rendered, total })
}

fn number(connection: &Connection, sql: &Sql) -> rusqlite::Result<u64> {
    sql.prepared(connection, |statement, values| {
        let number: i64 = statement.query_row(values, |row| row.get(0))?;
        Ok(number.unsigned_abs())
    })
}

/// HEAD prints no rows, but fails where GET would.
fn bare(media_type: MediaType) -> MediaType {
    match media_type {
        MediaType::Object { .. } => MediaType::Object { stripped: false },
        _ => MediaType::Json,
    }
}

/// The page with its status and headers.
pub fn page_response(page: RowsPage, request: &Request) -> Response {
    let RowsPage { range, rendered: Rendered { rows, body }, total } = page;
    let response = match range.status(rows, total) {
        StatusCode::RANGE_NOT_SATISFIABLE => RestError::invalid_range(format!(
            "An offset of {} was requested, but there are only {} rows.",
            range.offset,
            total.unwrap_or_default()
        ))
        .into_bare_response(),
        status => {
            full(status, request.media_type, (request.method != Method::HEAD).then_some(body))
        }
    };
    let response = with_header(response, CONTENT_RANGE, Some(range.content_range(rows, total)));
    let applied = request.preferences.applied(&["count", "handling"]);
    with_header(response, PREFERENCE_APPLIED, applied)
}
