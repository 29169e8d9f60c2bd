//! The routes of `/api/analytics`.

use axum::extract::State;
use axum::http::header::ACCEPT;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Map, Value};

use super::events::{EventFilter, NewEvent, NewEvents, batch};
use super::export::{Export, Format};
use super::model::{
    ChatStatistics, ChatsQuery, Event, EventError, EventReport, UsageQuery, UsageReport,
};
use super::store::{self, Recorded, UsageWanted};
use super::time_range::{SpanQuery, time_zone};
use crate::clock::Clock;
use crate::http::auth::CurrentUser;
use crate::http::error::{ApiError, FieldError, Problem};
use crate::http::extract::{Json, Page, PageQuery, Query};
use crate::http::rate_limit::Limits;
use crate::http::response;
use crate::supabase::Supabase;

/// Sum up usage
///
/// Exact, in buckets of the caller's time zone. Hours begin at the zone's full hours; the hour that
/// is repeated when clocks are set back is two. `format=csv` and `format=ndjson` stream the usage
/// rows of the same time, oldest first; an export that breaks off resets the connection.
#[utoipa::path(get, path = "/api/analytics/usage", tag = "analytics", operation_id = "get_usage",
    params(SpanQuery, UsageQuery),
    responses((status = 200, description = "What was used, or the rows themselves",
        content((UsageReport = "application/json"), (String = "text/csv"),
            (String = "application/x-ndjson")))))]
pub async fn usage(
    State(supabase): State<Supabase>,
    State(limits): State<Limits>,
    State(clock): State<Clock>,
    user: CurrentUser,
    headers: HeaderMap,
    Query(span): Query<SpanQuery>,
    Query(query): Query<UsageQuery>,
) -> Result<Response, ApiError> {
    let zone = time_zone(query.time_zone.as_deref())?;
    let span = span.checked(&zone, &clock)?;
    let format = Format::wanted(query.format, headers.get(ACCEPT));
    if format != Format::Json {
        let export = Export {
            supabase,
            token: user.token,
            table: "usage_logs",
            columns: &store::USAGE_COLUMNS,
            time: "created_at",
            from: span.start(&clock),
            to: Some(span.to.unwrap_or_else(|| clock.now())),
            filters: Vec::new(),
            format,
        };
        return export.respond("usage").await;
    }
    let wanted = UsageWanted {
        span,
        zone,
        interval: query.interval.unwrap_or_default(),
        group_by: query.group_by.unwrap_or_default(),
        daily_tokens: limits.daily_tokens,
    };
    let _turn = limits.statistics.take(user.id).await?;
    Ok(response::json(store::usage(&supabase, &user, &wanted).await?))
}

/// Count chats and messages
///
/// Without `from` and `to` everything is counted, as the lists show it; a bound narrows the counts
/// to what was created within it. The days are the last 30 unless they are given.
#[utoipa::path(get, path = "/api/analytics/chats/stats", tag = "analytics",
    operation_id = "get_chat_statistics",
    params(SpanQuery, ChatsQuery),
    responses((status = 200, description = "The counts", body = ChatStatistics)))]
pub async fn chats(
    State(supabase): State<Supabase>,
    State(limits): State<Limits>,
    State(clock): State<Clock>,
    user: CurrentUser,
    Query(span): Query<SpanQuery>,
    Query(query): Query<ChatsQuery>,
) -> Result<Response, ApiError> {
    let zone = time_zone(query.time_zone.as_deref())?;
    let span = span.checked(&zone, &clock)?;
    let _turn = limits.statistics.take(user.id).await?;
    Ok(response::json(store::chats(&supabase, &user, span, &zone).await?))
}

/// Record events
///
/// One event, or `{"events": […]}` with up to 500, of which each is stored or refused by itself. An
/// event with an `id` of the client's own can be sent again: it counts once. On leaving a page, send
/// the last ones with `fetch(…, {keepalive: true})`: a beacon cannot carry the access token.
#[utoipa::path(post, path = "/api/analytics/events", tag = "analytics",
    operation_id = "record_events", request_body = NewEvents,
    responses((status = 201, description = "The new event", body = Event),
        (status = 200, description = "What became of the batch; or the event, stored by an earlier \
            request", content((EventReport = "application/json"))),
        (status = 409, description = "The id is in use", body = Problem,
            content_type = "application/problem+json")))]
pub async fn record(
    State(supabase): State<Supabase>,
    State(clock): State<Clock>,
    user: CurrentUser,
    Json(mut body): Json<Map<String, Value>>,
) -> Result<Response, ApiError> {
    if let Some(events) = batch(&mut body)? {
        let report = record_batch(&supabase, &user, events, clock.now()).await?;
        return Ok(axum::Json(report).into_response());
    }
    let event = NewEvent::read(Value::Object(body), clock.now()).map_err(ApiError::validation)?;
    Ok(match store::record(&supabase, &user, &event).await? {
        Recorded::Now(row) => (StatusCode::CREATED, response::json(row)).into_response(),
        Recorded::Before(row) => response::json(row),
    })
}

async fn record_batch(
    supabase: &Supabase,
    user: &CurrentUser,
    events: Vec<Value>,
    now: Timestamp,
) -> Result<EventReport, ApiError> {
    let (mut valid, mut places, mut errors) = (Vec::new(), Vec::new(), Vec::new());
    for (index, event) in events.into_iter().enumerate() {
        match NewEvent::read(event, now) {
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
    let said = |error: &FieldError| {
        format!("{} {}", error.pointer.trim_start_matches('/'), error.detail).trim().to_owned()
    };
    let detail = refused.iter().map(said).collect::<Vec<_>>().join("; ");
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

/// List events, newest first
///
/// By when they happened. The next page is in the `Link` header. `format=csv` and `format=ndjson`
/// stream the whole selection instead, oldest first.
#[utoipa::path(get, path = "/api/analytics/events", tag = "analytics",
    operation_id = "list_events",
    params(EventFilter, SpanQuery, PageQuery),
    responses((status = 200, description = "The events",
        headers(("Link" = String, description = "The next page, where there is one")),
        content((Vec<Event> = "application/json"), (String = "text/csv"),
            (String = "application/x-ndjson")))))]
pub async fn list(
    State(supabase): State<Supabase>,
    State(clock): State<Clock>,
    user: CurrentUser,
    headers: HeaderMap,
    page: Page,
    Query(span): Query<SpanQuery>,
    Query(filter): Query<EventFilter>,
) -> Result<Response, ApiError> {
    let span = span.checked(&TimeZone::UTC, &clock)?;
    let format = Format::wanted(filter.format, headers.get(ACCEPT));
    if format != Format::Json {
        let export = Export {
            supabase,
            token: user.token,
            table: "analytics",
            columns: &store::EVENT_COLUMNS,
            time: "occurred_at",
            from: span.start(&clock),
            to: span.to,
            filters: filter.conditions(),
            format,
        };
        return export.respond("events").await;
    }
    let rows = store::events(&supabase, &user, &filter, span, &page, &clock).await?;
    page.respond(rows, store::cursor)
}
