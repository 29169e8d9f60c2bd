//! POST.

use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Map, Value};

use super::written::{check_representation, representation, returns_rows, split, total, written};
use crate::rest::error::RestError;
use crate::rest::headers::{Missing, Range, Resolution, Return};
use crate::rest::query::{Node, SelectItem, encode};
use crate::rest::request::Request;
use crate::rest::response::{CONTENT_RANGE, LOCATION, with_header};
use crate::rest::table_context::TableContext;
use crate::rest::write::{InsertOptions, Resolve, Written, conflict_target};
use crate::schema::Table;

pub(super) fn create(
    context: TableContext<'_>,
    mut request: Request,
) -> Result<Response, RestError> {
    let (_, returned) = split(std::mem::take(&mut request.query.root));
    let payload = std::mem::take(&mut request.payload);
    check_representation(context, &returned, &request)?;
    let options = InsertOptions {
        missing_default: request.preferences.missing == Some(Missing::Default),
        resolve: resolve(context.table, &request)?,
        returns: returns_rows(&request),
    };
    let inserted = context.insert(&payload, options)?;
    let representation = representation(context, &returned, &inserted.rows, &request)?;
    let status = status(&request, &inserted);
    let names = ["resolution", "missing", "return", "count", "handling"];
    // Without a key there is nothing that could be resolved.
    let has_target = options.resolve.is_some_and(|resolve| !resolve.columns.is_empty());
    let names = if has_target { &names[..] } else { &names[1..] };
    let response = written(&request, representation, status, status, names);
    let location = location(context, &returned, &request, &inserted)?;
    let response = with_header(response, LOCATION, location);
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
    returned: &Node,
    request: &Request,
    written: &Written,
) -> Result<Option<String>, RestError> {
    let [row] = written.rows[..] else { return Ok(None) };
    let mut key = context.table.primary_key().to_vec();
    if request.preferences.returns != Some(Return::HeadersOnly) || key.is_empty() {
        return Ok(None);
    }
    if !returned.select.contains(&SelectItem::Star) {
        key.sort_unstable();
    }
    let row = context.row_json(row, &key.join(","))?;
    let row: Map<String, Value> = serde_json::from_str(&row).unwrap_or_default();
    let pairs = key.iter().map(|name| match row.get(*name) {
        None | Some(Value::Null) => format!("{name}=is.null"),
        Some(Value::String(text)) => format!("{name}={}", encode(&format!("eq.{text}"))),
        Some(other) => format!("{name}={}", encode(&format!("eq.{other}"))),
    });
    let pairs: Vec<_> = pairs.collect();
    Ok(Some(format!("/{}?{}", context.table.name, pairs.join("&"))))
}
