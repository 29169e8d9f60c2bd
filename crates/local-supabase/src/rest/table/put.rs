//! PUT: one row, named by its primary key, replaced or created.

use axum::http::StatusCode;
use axum::response::Response;

use super::written::{check_representation, representation, returns_rows, split, written};
use crate::rest::error::RestError;
use crate::rest::headers::Resolution;
use crate::rest::payload::Object;
use crate::rest::query::{Comparison, Condition, Filter, FilterOperation, Node};
use crate::rest::request::Request;
use crate::rest::session::Session;
use crate::rest::table_context::TableContext;
use crate::rest::value;
use crate::rest::write::{InsertOptions, Resolve};
use crate::schema::{Column, Table};

pub(super) fn put(context: TableContext<'_>, mut request: Request) -> Result<Response, RestError> {
    if request.query.has_range {
        return Err(RestError::put_limit());
    }
    let payload = std::mem::take(&mut request.payload);
    let (targets, returned) = split(std::mem::take(&mut request.query.root));
    let key = key(context.table, &targets).ok_or_else(RestError::put_filters)?;
    let [object] = &payload.rows[..] else { return Err(RestError::put_mismatch()) };
    check_representation(context, &returned, &request)?;
    check_key(context.session, &key, object)?;
    let columns = context.table.primary_key();
    let resolve = Some(Resolve { resolution: Resolution::MergeDuplicates, columns });
    let returns = returns_rows(&request);
    let options = InsertOptions { missing_default: false, resolve, returns };
    let inserted = context.insert(&payload, options)?;
    let representation = representation(context, &returned, &inserted.rows, &request)?;
    let status = if inserted.inserted > 0 { StatusCode::CREATED } else { StatusCode::OK };
    let names = ["return", "count", "handling"];
    Ok(written(&request, representation, status, StatusCode::NO_CONTENT, &names))
}

/// The value of each column of the primary key, if the filters name those and nothing else.
fn key<'a>(table: &'static Table, node: &'a Node) -> Option<Vec<(&'static Column, &'a str)>> {
    let columns: Option<Vec<_>> =
        node.conditions.iter().map(|condition| equality(table, condition)).collect();
    let columns = columns?;
    let names = table.primary_key();
    let all = names.iter().all(|name| columns.iter().any(|(column, _)| column.name == *name));
    let only = columns.iter().all(|(column, _)| names.contains(&column.name));
    (all && only && !names.is_empty()).then_some(columns)
}

fn equality<'a>(
    table: &'static Table,
    condition: &'a Condition,
) -> Option<(&'static Column, &'a str)> {
    let Condition::Filter(Filter { field, negated: false, operation }) = condition else {
        return None;
    };
    match operation {
        FilterOperation::Compare { comparison: Comparison::Eq, quantifier: None, value } => {
            Some((table.column(&field.name).filter(|_| field.path.is_empty())?, value))
        }
        _ => None,
    }
}

fn check_key(
    session: Session,
    key: &[(&'static Column, &str)],
    object: &Object,
) -> Result<(), RestError> {
    for (column, text) in key {
        let named = value::parse(column.pg_type, text, session.now)?;
        let json = object.get(column.name).ok_or_else(RestError::put_mismatch)?;
        if value::parse_json(column.pg_type, column.name, json, session.now)? != named {
            return Err(RestError::put_mismatch());
        }
    }
    Ok(())
}
