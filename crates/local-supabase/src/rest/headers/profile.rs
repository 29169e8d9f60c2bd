//! `Accept-Profile` and `Content-Profile`: the schema that a request means.

use axum::http::{HeaderMap, Method};

use super::values::values;
use crate::rest::error::RestError;

/// Refuses every schema but `public`. Reads name theirs in `Accept-Profile`, writes in
/// `Content-Profile`.
pub fn check_profile(method: &Method, headers: &HeaderMap) -> Result<(), RestError> {
    let reads = matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
    let name = if reads { "accept-profile" } else { "content-profile" };
    match values(headers, name).next() {
        None | Some("public") => Ok(()),
        Some(schema) => Err(RestError::unacceptable_schema(schema)),
    }
}
