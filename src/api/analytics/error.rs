//! What the statistics refuse, as clients should meet it.

use crate::http::error::ApiError;
use crate::supabase::SupabaseError;

/// PostgreSQL's word for an argument that means nothing.
const INVALID_PARAMETER_VALUE: &str = "22023";

/// 422 with the parameter that the database refused.
pub(in crate::api) fn explain(error: SupabaseError) -> ApiError {
    if error.code.as_deref() != Some(INVALID_PARAMETER_VALUE) {
        return error.into();
    }
    let (pointer, detail) = if error.message.contains("time zone") {
        ("/time_zone", "is not known to the database")
    } else if error.message.contains("in all groups") {
        (
            "/group_by",
            "makes more than 10,000 buckets in all groups together; choose a longer interval, a \
             shorter time or no grouping",
        )
    } else if error.message.contains("buckets") {
        ("/interval", "makes more than 10,000 buckets; choose a longer one or a shorter time")
    } else {
        ("/from", "must be before the end")
    };
    ApiError::invalid(pointer, detail).caused_by(error.to_string())
}
