//! DELETE.

use axum::http::StatusCode;
use axum::response::Response;

use super::written::{check_representation, representation, require_where, split, total, written};
use crate::rest::error::RestError;
use crate::rest::headers::Range;
use crate::rest::request::Request;
use crate::rest::response::{CONTENT_RANGE, with_header};
use crate::rest::sql::{self, Operation};
use crate::rest::table_context::TableContext;
use crate::schema::Privilege;

pub(super) fn delete(
    context: TableContext<'_>,
    mut request: Request,
) -> Result<Response, RestError> {
    let TableContext { session, table, .. } = context;
    let (targets, returned) = split(std::mem::take(&mut request.query.root));
    check_representation(context, &returned, &request)?;
    require_where(&targets, "DELETE")?;
    let targets = sql::targets(session, table, &targets, Operation::Delete)?;
    table.require(session.role, Privilege::Delete)?;
    let rows = context.row_ids(&targets)?;
    request.preferences.check_affected(rows.len())?;
    let representation = representation(context, &returned, &rows, &request)?;
    context.delete(&rows)?;
    let names = ["return", "count", "handling", "max-affected"];
    let response =
        written(&request, representation, StatusCode::OK, StatusCode::NO_CONTENT, &names);
    let total = total(&request, rows.len());
    Ok(with_header(response, CONTENT_RANGE, Some(Range::unranged(total))))
}
