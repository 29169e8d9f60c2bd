//! PATCH.

use axum::http::StatusCode;
use axum::response::Response;
use rusqlite::Connection;

use super::{representation, split, total};
use crate::local_supabase::rest::answer::{
    CONTENT_RANGE, PREFERENCE_APPLIED, empty, full, with_header,
};
use crate::local_supabase::rest::error::RestError;
use crate::local_supabase::rest::headers::{Missing, Range};
use crate::local_supabase::rest::payload::Payload;
use crate::local_supabase::rest::request::Request;
use crate::local_supabase::rest::schema::Table;
use crate::local_supabase::rest::session::Session;
use crate::local_supabase::rest::write;

pub(super) fn update(
    connection: &Connection,
    session: Session,
    table: &'static Table,
    mut request: Request,
) -> Result<Response, RestError> {
    let (targets, returned) = split(std::mem::take(&mut request.query.root));
    let payload =
        Payload::parse(&request.headers, &request.body, request.query.columns.as_deref())?;
    let columns = write::resolve_columns(table, &payload.columns)?;
    let missing_default = request.preferences.missing == Some(Missing::Default);
    let rows = match payload.rows.first() {
        Some(object) if !columns.is_empty() => {
            let values =
                write::assignments(connection, session, &columns, object, missing_default)?;
            write::update(connection, session, table, &targets, &values)?
        }
        _ => Vec::new(),
    };
    request.preferences.check_affected(rows.len())?;
    let rendered = representation(connection, session, table, &returned, &rows, &request)?;
    let response = match rendered {
        Some(rendered) => full(StatusCode::OK, request.media_type, Some(rendered.body)),
        None => empty(StatusCode::NO_CONTENT),
    };
    let range = Range { offset: 0, limit: None };
    let content_range = range.content_range(rows.len(), total(&request, rows.len()));
    let response = with_header(response, CONTENT_RANGE, Some(content_range));
    let names = ["missing", "return", "count", "handling", "max-affected"];
    Ok(with_header(response, PREFERENCE_APPLIED, request.preferences.applied(&names)))
}
