//! POST.

use axum::http::StatusCode;
use axum::response::Response;

use super::written::{representation, split, total, written};
use crate::rest::error::RestError;
use crate::rest::headers::{Missing, Range, Resolution, Return};
use crate::rest::request::Request;
use crate::rest::response::{CONTENT_RANGE, LOCATION, with_header};
use crate::rest::table_context::TableContext;
use crate::rest::write::{Resolve, Written, conflict_target};
use crate::schema::Table;

pub(super) fn create(
    context: TableContext<'_>,
    mut request: Request,
) -> Result<Response, RestError> {
    let (_, returned) = split(std::mem::take(&mut request.query.root));
    let payload = std::mem::take(&mut request.payload);
    let missing_default = request.preferences.missing == Some(Missing::Default);
    let resolve = resolve(context.table, &request)?;
    let inserted = context.insert(&payload, missing_default, resolve)?;
    let representation = representation(context, &returned, &inserted.rows, &request)?;
    let status = status(&request, &inserted);
    let names = ["resolution", "missing", "return", "count", "handling"];
    let response = written(&request, representation, status, status, &names);
    let response = with_header(response, LOCATION, location(context, &request, &inserted)?);
    let total = total(&request, inserted.rows.len());
    Ok(with_header(response, CONTENT_RANGE, Some(Range::unranged(total))))
}

fn resolve(table: &'static Table, request: &Request) -> Result<Option<Resolve>, RestError> {
    let Some(resolution) = request.preferences.resolution else { return Ok(None) };
    let columns = conflict_target(table, request.query.on_conflict.as_deref())?;
    Ok(Some(Resolve { resolution, columns }))
}

/// 200 if all rows of an upsert existed before.
fn status(request: &Request, written: &Written) -> StatusCode {
    let merges = request.preferences.resolution == Some(Resolution::MergeDuplicates);
    if merges && written.inserted == 0 { StatusCode::OK } else { StatusCode::CREATED }
}

/// The URL of a single new row, for a client that wants only headers.
fn location(
    context: TableContext<'_>,
    request: &Request,
    written: &Written,
) -> Result<Option<String>, RestError> {
    let ([row], [key]) = (&written.rows[..], context.table.primary_key()) else { return Ok(None) };
    if request.preferences.returns != Some(Return::HeadersOnly) {
        return Ok(None);
    }
    let table = context.table.name;
    let select = &format!("select {key} from {table} where rowid = ?");
    let id: String = context.connection.query_row(select, [row], |row| row.get(0))?;
    Ok(Some(format!("/{table}?{key}=eq.{id}")))
}
