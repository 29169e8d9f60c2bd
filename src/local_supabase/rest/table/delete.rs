//! DELETE.

use axum::http::StatusCode;
use axum::response::Response;
use rusqlite::Connection;

use super::{representation, split, total};
use crate::local_supabase::rest::answer::{
    CONTENT_RANGE, PREFERENCE_APPLIED, empty, full, with_header,
};
use crate::local_supabase::rest::error::RestError;
use crate::local_supabase::rest::request::Request;
use crate::local_supabase::rest::schema::{Privilege, Table};
use crate::local_supabase::rest::session::Session;
use crate::local_supabase::rest::sql::{self, Access};
use crate::local_supabase::rest::write;

pub(super) fn delete(
    connection: &Connection,
    session: Session,
    table: &'static Table,
    mut request: Request,
) -> Result<Response, RestError> {
    let (targets, returned) = split(std::mem::take(&mut request.query.root));
    table.require(session.role, Privilege::Delete)?;
    let targets = sql::targets(session, table, &targets, Access::Delete)?;
    let rows = write::row_ids(connection, &targets)?;
    request.preferences.check_affected(rows.len())?;
    let rendered = representation(connection, session, table, &returned, &rows, &request)?;
    write::delete(connection, table, &rows)?;
    let response = match rendered {
        Some(rendered) => full(StatusCode::OK, request.media_type, Some(rendered.body)),
        None => empty(StatusCode::NO_CONTENT),
    };
    let total = total(&request, rows.len());
    let range = format!("*/{}", total.map_or_else(|| "*".to_owned(), |total| total.to_string()));
    let response = with_header(response, CONTENT_RANGE, Some(range));
    let names = ["return", "count", "handling", "max-affected"];
    Ok(with_header(response, PREFERENCE_APPLIED, request.preferences.applied(&names)))
}
