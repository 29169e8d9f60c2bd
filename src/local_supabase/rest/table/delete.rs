//! DELETE.

use axum::http::StatusCode;
use axum::response::Response;

use super::{representation, require_where, split, total, written};
use crate::local_supabase::rest::answer::{CONTENT_RANGE, with_header};
use crate::local_supabase::rest::error::RestError;
use crate::local_supabase::rest::headers::Range;
use crate::local_supabase::rest::request::Request;
use crate::local_supabase::rest::schema::Privilege;
use crate::local_supabase::rest::sql::{self, Access};
use crate::local_supabase::rest::target::Target;

pub(super) fn delete(target: Target<'_>, mut request: Request) -> Result<Response, RestError> {
    let Target { session, table, .. } = target;
    let (targets, returned) = split(std::mem::take(&mut request.query.root));
    require_where(&targets, "DELETE")?;
    table.require(session.role, Privilege::Delete)?;
    let rows = target.row_ids(&sql::targets(session, table, &targets, Access::Delete)?)?;
    request.preferences.check_affected(rows.len())?;
    let representation = representation(target, &returned, &rows, &request)?;
    target.delete(&rows)?;
    let names = ["return", "count", "handling", "max-affected"];
    let response =
        written(&request, representation, StatusCode::OK, StatusCode::NO_CONTENT, &names);
    let total = total(&request, rows.len());
    Ok(with_header(response, CONTENT_RANGE, Some(Range::unranged(total))))
}
