//! The routes of `/api/admin`.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::model::{AdminUsageQuery, AdminUsageReport};
use super::store::{self, UsageRequest};
use crate::api::analytics::time_range::{TimeRangeQuery, time_zone};
use crate::clock::Clock;
use crate::http::auth::CurrentUser;
use crate::http::error::{ApiError, Problem};
use crate::http::extract::Query;
use crate::http::rate_limit::Limits;
use crate::http::response;
use crate::supabase::Supabase;

/// Get usage statistics of all users
///
/// For users whose access token has `"role": "admin"` in its `app_metadata`. The same as `GET
/// /api/analytics/usage`, for all users together, without limits and exports. Days in UTC that have been over for an
/// hour are read from their sums.
#[utoipa::path(get, path = "/api/admin/usage", tag = "admin", operation_id = "get_usage_of_all_users",
    params(TimeRangeQuery, AdminUsageQuery),
    responses((status = 200, description = "The statistics", body = AdminUsageReport),
        (status = 403, description = "The user is no administrator", body = Problem,
            content_type = "application/problem+json"),
        (status = 503, description = "The server has no service key, or the database cannot be reached",
            body = Problem, content_type = "application/problem+json")))]
pub async fn usage(
    State(supabase): State<Supabase>,
    State(limits): State<Limits>,
    State(clock): State<Clock>,
    user: CurrentUser,
    Query(range): Query<TimeRangeQuery>,
    Query(query): Query<AdminUsageQuery>,
) -> Result<Response, ApiError> {
    require_admin(&user)?;
    if !supabase.has_service_key() {
        return Err(ApiError::not_configured(
            "This server cannot read the usage of all users, because it has no service key. The \
             operator has to set SUPABASE_SERVICE_ROLE_KEY.",
        ));
    }
    let zone = time_zone(query.time_zone.as_deref())?;
    let request = UsageRequest {
        operator: user.id,
        range: range.checked(&zone, &clock)?,
        zone,
        interval: query.interval.unwrap_or_default(),
        group_by: query.group_by.unwrap_or_default(),
    };
    let _turn = limits.statistics.take(user.id).await?;
    Ok(response::json(store::usage(&supabase, &request).await?))
}

fn require_admin(user: &CurrentUser) -> Result<(), ApiError> {
    if user.role.as_deref() == Some("admin") {
        return Ok(());
    }
    Err(ApiError::new(
        StatusCode::FORBIDDEN,
        "admin_only",
        "Only administrators see this. They have the role admin in the app_metadata of their account, \
         which counts from the next sign-in on.",
    ))
}
