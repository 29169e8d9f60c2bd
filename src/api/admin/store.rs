//! Statistics of all users in Supabase, read with the service key in an administrator's name.

use bytes::Bytes;
use jiff::tz::TimeZone;
use uuid::Uuid;

use super::model::AdminGroupBy;
use crate::api::analytics::model::Interval;
use crate::api::analytics::store::{explain, name, within};
use crate::api::analytics::time_range::TimeRange;
use crate::http::error::ApiError;
use crate::supabase::{Caller, Supabase};

/// Which usage statistics to compute, and for whom.
pub(super) struct UsageRequest {
    pub(super) operator: Uuid,
    pub(super) range: TimeRange,
    pub(super) zone: TimeZone,
    pub(super) interval: Interval,
    pub(super) group_by: AdminGroupBy,
}

pub(super) async fn usage(supabase: &Supabase, request: &UsageRequest) -> Result<Bytes, ApiError> {
    let statistics = supabase.rest(Caller::Service).read("usage_of_all_users");
    let query = within(statistics, request.range)
        .parameter("p_operator", request.operator)
        .parameter("p_interval", request.interval.as_str())
        .parameter("p_group_by", request.group_by.as_str())
        .parameter("p_time_zone", name(&request.zone));
    query.object().await.map_err(explain)
}
