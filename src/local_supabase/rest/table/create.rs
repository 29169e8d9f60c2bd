//! POST.

use axum::http::StatusCode;
use axum::response::Response;
use rusqlite::Connection;

use super::{representation, split, total};
use crate::local_supabase::rest::answer::{
    CONTENT_RANGE, LOCATION, PREFERENCE_APPLIED, empty, full, with_header,
};
use crate::local_supabase::rest::error::RestError;
use crate::local_supabase::rest::headers::{Missing, Resolution, Return};
use crate::local_supabase::rest::payload::Payload;
use crate::local_supabase::rest::request::Request;
use crate::local_supabase::rest::schema::Table;
use crate::local_supabase::rest::session::Session;
use crate::local_supabase::rest::sql::Sql;
use crate::local_supabase::rest::write::{Resolve, Written, conflict_target, insert};

pub(super) fn create(
    connection: &Connection,
    session: Session,
    table: &'static Table,
    mut request: Request,
) -> Result<Response, RestError> {
    let payload =
        Payload::parse(&request.headers, &request.body, request.query.columns.as_deref())?;
    let missing_default = request.preferences.missing == Some(Missing::Default);
    let resolve = resolve(table, &request)?;
    let written = insert(connection, session, table, &payload, missing_default, resolve)?;
    let (_, returned) = split(std::mem::take(&mut request.query.root));
    let rendered = representation(connection, session, table, &returned, &written.rows, &request)?;
    let status = status(&request, &written);
    let response = match rendered {
        Some(rendered) => full(status, request.media_type, Some(rendered.body)),
        None => empty(status),
    };
    let response =
        with_header(response, LOCATION, location(connection, table, &request, &written)?);
    let total = total(&request, written.rows.len());
    let range = format!("*/{}", total.map_or_else(|| "*".to_owned(), |total| total.to_string()));
    let response = with_header(response, CONTENT_RANGE, Some(range));
    let names = ["resolution", "missing", "return", "count", "handling"];
    Ok(with_header(response, PREFERENCE_APPLIED, request.preferences.applied(&names)))
}

fn resolve(table: &'static Table, request: &Request) -> Result<Option<Resolve>, RestError> {
    let Some(resolution) = request.preferences.resolution else { return Ok(None) };
    let columns = conflict_target(table, request.query.on_conflict.as_deref())?;
    Ok(Some(Resolve { resolution, columns }))
}

/// 200 says that an upsert found all its rows there already.
fn status(request: &Request, written: &Written) -> StatusCode {
    let merges = request.preferences.resolution == Some(Resolution::MergeDuplicates);
    if merges && written.inserted == 0 { StatusCode::OK } else { StatusCode::CREATED }
}

/// Where a single new row is, for a client that wants only headers.
fn location(
    connection: &Connection,
    table: &'static Table,
    request: &Request,
    written: &Written,
) -> Result<Option<String>, RestError> {
    let [row] = written.rows[..] else { return Ok(None) };
    if request.preferences.returns != Some(Return::HeadersOnly) {
        return Ok(None);
    }
    let [key] = table.primary_key() else { return Ok(None) };
    let select = Sql::new("select ").name(key).push(" from ").name(table.name);
    let select = select.push(" where rowid = ?");
    let id: String = connection.query_row(select.text(), [row], |row| row.get(0))?;
    Ok(Some(format!("/{}?{key}=eq.{id}", table.name)))
}
