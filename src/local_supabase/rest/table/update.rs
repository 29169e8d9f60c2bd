//! PATCH.

use axum::http::StatusCode;
use axum::response::Response;

use super::{representation, require_where, split, total, written};
use crate::local_supabase::rest::answer::{CONTENT_RANGE, with_header};
use crate::local_supabase::rest::error::RestError;
use crate::local_supabase::rest::headers::{Missing, Range};
use crate::local_supabase::rest::query::Node;
use crate::local_supabase::rest::request::Request;
use crate::local_supabase::rest::target::Target;
use crate::local_supabase::rest::write::resolve_columns;

pub(super) fn update(target: Target<'_>, mut request: Request) -> Result<Response, RestError> {
    let (targets, returned) = split(std::mem::take(&mut request.query.root));
    let rows = change(target, &targets, &request)?;
    request.preferences.check_affected(rows.len())?;
    let representation = representation(target, &returned, &rows, &request)?;
    let names = ["missing", "return", "count", "handling", "max-affected"];
    let response =
        written(&request, representation, StatusCode::OK, StatusCode::NO_CONTENT, &names);
    let range = Range { offset: 0, limit: None };
    let content_range = range.content_range(rows.len(), total(&request, rows.len()));
    Ok(with_header(response, CONTENT_RANGE, Some(content_range)))
}

/// Changes the rows; none where the payload gives no column a value.
fn change(target: Target<'_>, targets: &Node, request: &Request) -> Result<Vec<i64>, RestError> {
    let payload = &request.payload;
    let columns = resolve_columns(target.table, &payload.columns)?;
    let Some(object) = payload.rows.first().filter(|_| !columns.is_empty()) else {
        return Ok(Vec::new());
    };
    require_where(targets, "UPDATE")?;
    let missing_default = request.preferences.missing == Some(Missing::Default);
    let values = target.assignments(&columns, object, missing_default)?;
    target.update(targets, &values)
}
