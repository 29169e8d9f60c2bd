//! PATCH.

use axum::http::StatusCode;
use axum::response::Response;

use super::written::{check_representation, representation, require_where, split, total, written};
use crate::rest::error::RestError;
use crate::rest::headers::{Missing, Range};
use crate::rest::query::Node;
use crate::rest::request::Request;
use crate::rest::response::{CONTENT_RANGE, with_header};
use crate::rest::table_context::TableContext;
use crate::rest::write::resolve_columns;

pub(super) fn update(
    context: TableContext<'_>,
    mut request: Request,
) -> Result<Response, RestError> {
    let (targets, returned) = split(std::mem::take(&mut request.query.root));
    check_representation(context, &returned, &request)?;
    let rows = change(context, &targets, &request)?;
    request.preferences.check_affected(rows.len())?;
    let representation = representation(context, &returned, &rows, &request)?;
    let names = ["missing", "return", "count", "handling", "max-affected"];
    let response =
        written(&request, representation, StatusCode::OK, StatusCode::NO_CONTENT, &names);
    let range = Range { offset: 0, limit: None };
    let content_range = range.content_range(rows.len(), total(&request, rows.len()));
    Ok(with_header(response, CONTENT_RANGE, Some(content_range)))
}

/// Changes the rows; none if the payload has no columns.
fn change(
    context: TableContext<'_>,
    targets: &Node,
    request: &Request,
) -> Result<Vec<i64>, RestError> {
    let payload = &request.payload;
    let columns = resolve_columns(context.table, &payload.columns)?;
    let Some(object) = payload.rows.first().filter(|_| !columns.is_empty()) else {
        return Ok(Vec::new());
    };
    require_where(targets, "UPDATE")?;
    let missing_default = request.preferences.missing == Some(Missing::Default);
    context.update(targets, &columns, object, missing_default)
}
