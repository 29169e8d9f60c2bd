//! Headers that may be sent several times.

use axum::http::HeaderMap;

/// The values of every header of that name, in order.
pub(super) fn values<'a>(
    headers: &'a HeaderMap,
    name: &'static str,
) -> impl Iterator<Item = &'a str> {
    headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok())
}
