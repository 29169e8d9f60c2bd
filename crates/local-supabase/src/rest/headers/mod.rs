//! The request headers that PostgREST understands.

mod media_type;
mod preferences;
mod range;

pub(super) use media_type::MediaType;
pub(super) use preferences::{Missing, Preferences, Resolution, Return};
pub(super) use range::Range;

use axum::http::{HeaderMap, Method};

use super::error::RestError;

/// Refuses every schema but `public`. Reads name theirs in `Accept-Profile`, writes in
/// `Content-Profile`.
pub(super) fn check_profile(method: &Method, headers: &HeaderMap) -> Result<(), RestError> {
    let reads = matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
    let name = if reads { "accept-profile" } else { "content-profile" };
    match values(headers, name).next() {
        None | Some("public") => Ok(()),
        Some(schema) => Err(RestError::unacceptable_schema(schema)),
    }
}

/// The values of every header of that name, in order.
fn values<'a>(headers: &'a HeaderMap, name: &'static str) -> impl Iterator<Item = &'a str> {
    headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok())
}
