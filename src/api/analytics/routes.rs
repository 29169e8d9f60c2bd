//! The routes of `/api/analytics`.

use axum::extract::State;
use axum::http::header::ACCEPT;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::value::RawValue;

use super::events::{EventFilter, NewEvent, NewEvents, RecordedEvents, batch};
use super::export::{Export, ExportFormat};
use super::model::{
    ChatStatistics, ChatsQuery, Event, EventError, EventReport, UsageQuery, UsageReport,
};
use super::store::{self, Recorded, UsageRequest};
use super::time_range::{TimeRangeQuery, time_zone};
use crate::api::ai::Ai;
use crate::clock::Clock;
use crate::database;
use crate::http::auth::CurrentUser;
use crate::http::error::{ApiError, FieldError, Problem};
use crate::http::extract::{JsonText, Page, PageQuery, Query};
use crate::http::rate_limit::Limits;
use crate::http::response;
use crate::supabase::Supabase;

/// Get usage statistics
///
/// Exact totals, and a series of buckets in the given time zone. Hourly buckets begin at full hours of
/// the time zone; the hour that is repeated when clocks are set back counts as two. `format=csv` and
/// `format=ndjson` stream the individual usage records instead, oldest first; if such an export fails
/// midway, the connection is reset.
#[utoipa::path(get, path = "/api/analytics/usage", tag = "analytics", operation_id = "get_usage",
    params(TimeRangeQuery, UsageQuery),
    responses((status = 200, description = "The statistics, or the exported records",
        content((UsageReport = "application/json"), (String = "text/csv"),
            (String = "application/x-ndjson")))))]
pub async fn usage(
    State(supabase): State<Supabase>,
    State(ai): State<Ai>,
    State(clock): State<Clock>,
    user: CurrentUser,
    headers: HeaderMap,
    Query(range): Query<TimeRangeQuery>,
    Query(query): Query<UsageQuery>,
) -> Result<Response, ApiError> {
    let zone = time_zone(query.time_zone.as_deref())?;
    let range = range.checked(&zone, &clock)?;
    let format = ExportFormat::negotiate(query.format, headers.get(ACCEPT));
    database::count_lapsed_usage(supabase.rest(user.caller())).await;
    if format != ExportFormat::Json {
        let export = Export {
            supabase,
            token: user.token,
            table: "usage_logs",
            columns: &store::USAGE_COLUMNS,
            list: store::USAGE,
            from: range.start(&clock),
            to: Some(range.to.unwrap_or_else(|| clock.now())),
            filters: Vec::new(),
            format,
        };
        return export.respond("usage").await;
    }
    let terms = ai.terms(&user, None);
    let request = UsageRequest {
        range,
        zone,
        interval: query.interval.unwrap_or_default(),
        group_by: query.group_by.unwrap_or_default(),
        daily_tokens: terms.daily_tokens,
    };
    let _turn = ai.limits.statistics.take(user.id).await?;
    let budgets = terms.budgets();
    let (usage, budgets) = tokio::join!(
        store::usage(&supabase, &user, &request),
        store::budgets(&supabase, &user, &budgets)
    );
    Ok(response::json(store::with_budgets(&usage?, &budgets?)?))
}

/// Get chat statistics
///
/// Without `from` and `to`, all chats and messages are counted; otherwise only those that were created
/// within the range. Daily counts cover the last 30 days unless a range is given.
#[utoipa::path(get, path = "/api/analytics/chats/stats", tag = "analytics",
    operation_id = "get_chat_statistics",
    params(TimeRangeQuery, ChatsQuery),
    responses((status = 200, description = "The statistics", body = ChatStatistics)))]
pub async fn chats(
    State(supabase): State<Supabase>,
    State(limits): State<Limits>,
    State(clock): State<Clock>,
    user: CurrentUser,
    Query(range): Query<TimeRangeQuery>,
    Query(query): Query<ChatsQuery>,
) -> Result<Response, ApiError> {
    let zone = time_zone(query.time_zone.as_deref())?;
    let range = range.checked(&zone, &clock)?;
    let _turn = limits.statistics.take(user.id).await?;
    Ok(response::json(store::chats(&supabase, &user, range, &zone).await?))
}

/// Record events
///
/// Send one event, or a batch of up to 500 as `{"events": […]}`; each event of a batch is stored or
/// rejected on its own. Events with an `id` are safe to retry: they are stored once. To send events when
/// a page is closed, use `fetch(…, {keepalive: true})`; `navigator.sendBeacon` cannot send the access
/// token.
#[utoipa::path(post, path = "/api/analytics/events", tag = "analytics",
    operation_id = "record_events", request_body = NewEvents,
    responses((status = 201, description = "The new event", body = Event),
        (status = 200, description = "The result of the batch; or the event already stored by an \
            earlier request", body = RecordedEvents),
        (status = 409, description = "The ID is already in use", body = Problem,
            content_type = "application/problem+json")))]
pub async fn record(
    State(supabase): State<Supabase>,
    State(clock): State<Clock>,
    user: CurrentUser,
    body: JsonText,
) -> Result<Response, ApiError> {
    if let Some(events) = batch(&body)? {
        let report = record_batch(&supabase, &user, &events, clock.now()).await?;
        return Ok(axum::Json(report).into_response());
    }
    let event = NewEvent::read(body.read()?, clock.now()).map_err(ApiError::validation)?;
    Ok(match store::record(&supabase, &user, &event).await? {
        Recorded::Now(row) => (StatusCode::CREATED, response::json(row)).into_response(),
        Recorded::Before(row) => response::json(row),
    })
}

async fn record_batch(
    supabase: &Supabase,
    user: &CurrentUser,
    events: &[&RawValue],
    now: Timestamp,
) -> Result<EventReport, ApiError> {
    let (mut valid, mut places, mut errors) = (Vec::new(), Vec::new(), Vec::new());
    for (index, event) in events.iter().enumerate() {
        match NewEvent::read_text(event.get(), now) {
            Ok(event) => {
                valid.push(event);
                places.push(index);
            }
            Err(refused) => errors.push(invalid(index, &refused)),
        }
    }
    let mut report = EventReport { accepted: 0, duplicates: 0, errors };
    if !valid.is_empty() {
        let recorded = store::record_all(supabase, user, &valid).await?;
        (report.accepted, report.duplicates) = (recorded.accepted, recorded.duplicates);
        let refused = recorded.errors.into_iter();
        report.errors.extend(refused.map(|item| {
            let index = places.get(item.index).copied().unwrap_or(item.index);
            EventError { index, detail: detail(&item.code).to_owned(), code: item.code }
        }));
    }
    report.errors.sort_by_key(|error| error.index);
    Ok(report)
}

fn invalid(index: usize, refused: &[FieldError]) -> EventError {
    let sentence = |error: &FieldError| {
        format!("{} {}", error.pointer.trim_start_matches('/'), error.detail).trim().to_owned()
    };
    let detail = refused.iter().map(sentence).collect::<Vec<_>>().join("; ");
    EventError { index, code: "validation_failed".to_owned(), detail }
}

fn detail(code: &str) -> &'static str {
    match code {
        "id_conflict" => "This id is already in use for something else.",
        "chat_not_found" => "There is no chat with this id.",
        "properties_too_large" => "properties must be at most 32 KiB of JSON",
        _ => "The database refused it.",
    }
}

/// List events
///
/// Sorted by the time they occurred, newest first. The `Link` header has the address of the next page.
/// `format=csv` and `format=ndjson` stream all matching events instead, oldest first.
#[utoipa::path(get, path = "/api/analytics/events", tag = "analytics",
    operation_id = "list_events",
    params(EventFilter, TimeRangeQuery, PageQuery),
    responses((status = 200, description = "The events",
        headers(("Link" = String, description = "The next page, if there is one")),
        content((Vec<Event> = "application/json"), (String = "text/csv"),
            (String = "application/x-ndjson")))))]
pub async fn list(
    State(supabase): State<Supabase>,
    State(clock): State<Clock>,
    user: CurrentUser,
    headers: HeaderMap,
    page: Page,
    Query(range): Query<TimeRangeQuery>,
    Query(filter): Query<EventFilter>,
) -> Result<Response, ApiError> {
    let range = range.checked(&TimeZone::UTC, &clock)?;
    let format = ExportFormat::negotiate(filter.format, headers.get(ACCEPT));
    if format != ExportFormat::Json {
        let export = Export {
            supabase,
            token: user.token,
            table: "analytics",
            columns: &store::EVENT_COLUMNS,
            list: store::EVENTS,
            from: range.start(&clock),
            to: range.to,
            filters: filter.conditions(),
            format,
        };
        return export.respond("events").await;
    }
    let rows = store::events(&supabase, &user, &filter, range, &page, &clock).await?;
    page.respond(rows, &store::EVENTS)
}
