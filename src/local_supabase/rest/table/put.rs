//! PUT: one row, named by its primary key, replaced or created.

use axum::http::StatusCode;
use axum::response::Response;
use rusqlite::Connection;

use super::{representation, split};
use crate::local_supabase::rest::answer::{PREFERENCE_APPLIED, empty, full, with_header};
use crate::local_supabase::rest::error::RestError;
use crate::local_supabase::rest::headers::Resolution;
use crate::local_supabase::rest::payload::{Object, Payload};
use crate::local_supabase::rest::query::{Comparison, Condition, Filter, Node, Operation};
use crate::local_supabase::rest::request::Request;
use crate::local_supabase::rest::schema::{Column, Table};
use crate::local_supabase::rest::session::Session;
use crate::local_supabase::rest::value;
use crate::local_supabase::rest::write::{Resolve, insert};

pub(super) fn put(
    connection: &Connection,
    session: Session,
    table: &'static Table,
    mut request: Request,
) -> Result<Response, RestError> {
    if request.query.has_range {
        return Err(RestError::put_limit());
    }
    let payload = Payload::parse(&request.headers, &request.body, None)?;
    let (targets, returned) = split(std::mem::take(&mut request.query.root));
    let key = key(table, &targets).ok_or_else(RestError::put_filters)?;
    let [object] = &payload.rows[..] else { return Err(RestError::put_mismatch()) };
    check_key(session, &key, object)?;
    let columns = table.primary_key();
    let resolve = Some(Resolve { resolution: Resolution::MergeDuplicates, columns });
    let written = insert(connection, session, table, &payload, false, resolve)?;
    let rendered = representation(connection, session, table, &returned, &written.rows, &request)?;
    let status = if written.inserted > 0 { StatusCode::CREATED } else { StatusCode::OK };
    let response = match rendered {
        Some(rendered) => full(status, request.media_type, Some(rendered.body)),
        None => empty(StatusCode::NO_CONTENT),
    };
    let applied = request.preferences.applied(&["return", "count", "handling"]);
    Ok(with_header(response, PREFERENCE_APPLIED, applied))
}

/// The value of each column of the primary key, if the filters name those and nothing else.
fn key<'a>(table: &'static Table, node: &'a Node) -> Option<Vec<(&'static Column, &'a str)>> {
    let columns: Option<Vec<_>> =
        node.conditions.iter().map(|condition| equality(table, condition)).collect();
    let columns = columns?;
    let names = table.primary_key();
    let all = names.iter().all(|name| columns.iter().any(|(column, _)| column.name == *name));
    let only = columns.iter().all(|(column, _)| names.contains(&column.name));
    (all && only).then_some(columns)
}

fn equality<'a>(
    table: &'static Table,
    condition: &'a Condition,
) -> Option<(&'static Column, &'a str)> {
    let Condition::Filter(Filter { field, negated: false, operation }) = condition else {
        return None;
    };
    match operation {
        Operation::Compare { comparison: Comparison::Eq, quantifier: None, value } => {
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
        if value::parse_json(column.pg_type, json, session.now)? != named {
            return Err(RestError::put_mismatch());
        }
    }
    Ok(())
}
