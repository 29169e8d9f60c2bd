//! Statistics and events in Supabase. Row-level security sees to it that a user reaches only their
//! own rows.

use bytes::Bytes;
use jiff::tz::TimeZone;

pub(in crate::api) use super::error::explain;
use super::events::{EventFilter, NewEvent};
use super::model::{Event, GroupBy, Interval};
use super::time_range::TimeRange;
use crate::agent::{Budget, BudgetLimit};
use crate::clock::Clock;
use crate::database::{self, Budgets, RecordEvents, RecordEventsReply};
use crate::http::auth::CurrentUser;
use crate::http::error::ApiError;
use crate::http::extract::{Keyed, Page, SortOrder};
use crate::supabase::{Query, Rows, Supabase};

/// Events by the time they occurred.
pub(in crate::api) const EVENTS: Keyed = Keyed::by("event", &["occurred_at"]);
/// Usage records by creation.
pub(in crate::api) const USAGE: Keyed = Keyed::by("usage record", &["created_at"]);

/// The columns of [`Event`].
pub(in crate::api) const EVENT_COLUMNS: [&str; 8] =
    ["id", "user_id", "name", "properties", "chat_id", "session_id", "occurred_at", "created_at"];

/// The columns of an exported usage row.
pub(in crate::api) const USAGE_COLUMNS: [&str; 22] = [
    "id",
    "user_id",
    "chat_id",
    "message_id",
    "operation",
    "provider",
    "model",
    "input_tokens",
    "output_tokens",
    "cached_input_tokens",
    "cache_write_input_tokens",
    "reasoning_tokens",
    "usage_source",
    "cost_usd",
    "latency_ms",
    "time_to_first_token_ms",
    "status",
    "error_code",
    "assistant",
    "assistant_version",
    "plan",
    "created_at",
];

/// Which usage statistics to compute.
pub(super) struct UsageRequest {
    pub(super) range: TimeRange,
    pub(super) zone: TimeZone,
    pub(super) interval: Interval,
    pub(super) group_by: GroupBy,
    pub(super) daily_tokens: Option<u64>,
}

pub(super) async fn usage(
    supabase: &Supabase,
    user: &CurrentUser,
    request: &UsageRequest,
) -> Result<Bytes, ApiError> {
    let mut query = within(supabase.rest(user.caller()).read("usage_statistics"), request.range)
        .parameter("p_interval", request.interval.as_str())
        .parameter("p_group_by", request.group_by.as_str())
        .parameter("p_time_zone", name(&request.zone));
    if let Some(limit) = request.daily_tokens {
        query = query.parameter("p_daily_token_limit", limit);
    }
    query.object().await.map_err(explain)
}

/// What the user's plan allows to spend, and what of it is spent.
pub(super) async fn budgets(
    supabase: &Supabase,
    user: &CurrentUser,
    limits: &[BudgetLimit],
) -> Result<Vec<Budget>, ApiError> {
    if limits.is_empty() {
        return Ok(Vec::new());
    }
    let budgets = Budgets { p_budgets: limits };
    let budgets = database::call(supabase.rest(user.caller()), &budgets).await?;
    Ok(budgets.unwrap_or_default())
}

/// The statistics, which pass through, with these budgets.
pub(super) fn with_budgets(usage: &Bytes, budgets: &[Budget]) -> Result<Bytes, ApiError> {
    let budgets = serde_json::to_vec(budgets);
    let budgets = budgets.map_err(|error| ApiError::internal(error.to_string()))?;
    let usage = usage.trim_ascii_end();
    let head = usage.strip_suffix(b"}").unwrap_or(usage);
    Ok([head, b",\"budgets\":", &budgets, b"}"].concat().into())
}

pub(super) async fn chats(
    supabase: &Supabase,
    user: &CurrentUser,
    range: TimeRange,
    zone: &TimeZone,
) -> Result<Bytes, ApiError> {
    let query = within(supabase.rest(user.caller()).read("chat_statistics"), range);
    let query = query.parameter("p_time_zone", name(zone));
    query.object().await.map_err(explain)
}

/// A bound that is not given is the database's to fill in, by its own clock.
pub(in crate::api) fn within(mut query: Query<'_>, range: TimeRange) -> Query<'_> {
    for (parameter, bound) in [("p_from", range.from), ("p_to", range.to)] {
        if let Some(bound) = bound {
            query = query.parameter(parameter, bound);
        }
    }
    query
}

/// Its IANA name.
pub(in crate::api) fn name(zone: &TimeZone) -> &str {
    zone.iana_name().unwrap_or("UTC")
}

pub(super) async fn events(
    supabase: &Supabase,
    user: &CurrentUser,
    filter: &EventFilter,
    range: TimeRange,
    page: &Page,
    clock: &Clock,
) -> Result<Rows, ApiError> {
    let query = supabase.rest(user.caller()).from("analytics").select(&EVENT_COLUMNS.join(","));
    let mut query = query.parameter("occurred_at", format_args!("gte.{}", range.start(clock)));
    if let Some(to) = range.to {
        query = query.parameter("occurred_at", format_args!("lt.{to}"));
    }
    for (column, condition) in filter.conditions() {
        query = query.parameter(column, condition);
    }
    let query = EVENTS.page(query, SortOrder::Descending, page.after);
    Ok(query.page(page.limit_with_next()).await?)
}

/// Whether an event was stored now or before.
pub(super) enum Recorded {
    Now(Bytes),
    Before(Bytes),
}

/// Stores one event; a repeat of the same content finds what is stored.
pub(super) async fn record(
    supabase: &Supabase,
    user: &CurrentUser,
    event: &NewEvent,
) -> Result<Recorded, ApiError> {
    let columns = EVENT_COLUMNS.join(",");
    let events = || supabase.rest(user.caller()).from("analytics");
    let inserted = events().insert_new(event).select(&columns).rows().await?;
    if let Some(row) = inserted.first()? {
        return Ok(Recorded::Now(row));
    }
    let stored = events().eq("id", event.id).select(&columns).rows().await?;
    let stored = stored.first()?.ok_or_else(ApiError::id_conflict)?;
    let is_same = serde_json::from_slice::<Event>(&stored).is_ok_and(|s| event.matches(&s));
    if is_same { Ok(Recorded::Before(stored)) } else { Err(ApiError::id_conflict()) }
}

/// Stores events in one round trip.
pub(super) async fn record_all(
    supabase: &Supabase,
    user: &CurrentUser,
    events: &[NewEvent],
) -> Result<RecordEventsReply, ApiError> {
    let record = RecordEvents { p_events: events };
    Ok(database::call(supabase.rest(user.caller()), &record).await?)
}
