//! Errors of uploads.

use std::time::Duration;

use axum::http::StatusCode;

use crate::http::error::ApiError;

/// 413 for a file over the limit.
pub(in crate::api::files) fn too_large(max_bytes: u64) -> ApiError {
    let detail = format!("A file may have at most {}.", format_bytes(max_bytes));
    ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "file_too_large", detail)
}

/// A size for people, such as `1.5 MiB`.
fn format_bytes(bytes: u64) -> String {
    let units = [(1_u64 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    match units.into_iter().find(|(unit, _)| bytes >= *unit) {
        Some((unit, name)) if bytes.is_multiple_of(unit) => format!("{} {name}", bytes / unit),
        Some((unit, name)) => format!("{:.1} {name}", bytes as f64 / unit as f64),
        None => format!("{bytes} bytes"),
    }
}

/// 413 for a file that exceeds the quota of its owner.
pub(super) fn over_quota(quota: u64) -> ApiError {
    let detail = format!(
        "Your files may take {} together, and this one would exceed that. Delete some first.",
        format_bytes(quota)
    );
    ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "file_quota_exceeded", detail)
}

/// 409 while another attempt has claimed the id.
pub(super) fn busy() -> ApiError {
    ApiError::new(
        StatusCode::CONFLICT,
        "upload_running",
        "A file with this id is being uploaded or deleted. Please try again in a moment.",
    )
    .with_retry_after(Duration::from_secs(5))
}

/// 504 if Storage does not respond.
pub(super) fn storage_timeout() -> ApiError {
    ApiError::new(
        StatusCode::GATEWAY_TIMEOUT,
        "storage_timeout",
        "The storage took too long. Please try again.",
    )
}
