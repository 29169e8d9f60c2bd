//! Events as clients send and query them.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::export::ExportFormat;
use super::model::{Event, EventReport};
use crate::http::error::{ApiError, FieldError};
use crate::http::extract::{JsonText, from_value, read_part};
use crate::http::validate::Checks;
use crate::json;

/// The most events in one batch.
pub(super) const MAX_BATCH: usize = 500;
/// The database allows the same.
const MAX_PROPERTIES_BYTES: usize = 32_768;
const MAX_DEPTH: usize = 16;
/// How long ago an event may have happened: front ends collect them while they are offline.
const MAX_AGE: SignedDuration = SignedDuration::from_hours(24 * 731);
/// How far clocks of clients may be ahead.
const MAX_CLOCK_SKEW: SignedDuration = SignedDuration::from_hours(24);

/// Request to record an event.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[schema(example = json!({"name": "answer_copied", "properties": {"length": 412}}))]
pub struct NewEvent {
    /// ID chosen by the client, which makes the request safe to retry.
    #[serde(default = "Uuid::now_v7")]
    #[schema(required = false)]
    pub id: Uuid,
    /// Name of the event: 1 to 100 letters, digits, spaces and `_ - . : / $`.
    #[schema(min_length = 1, max_length = 100)]
    pub name: String,
    /// Custom properties, at most 32 KiB of JSON and 16 levels deep.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub properties: Option<Map<String, Value>>,
    /// ID of the chat that the event is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chat_id: Option<Uuid>,
    /// ID of the front-end session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 200)]
    pub session_id: Option<String>,
    /// Time the event occurred, at most two years ago. Defaults to the current time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub occurred_at: Option<Timestamp>,
}

/// One event, or a batch of events.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(untagged)]
#[allow(missing_docs)]
pub enum NewEvents {
    One(NewEvent),
    Batch {
        /// The events, at most 500.
        events: Vec<NewEvent>,
    },
}

/// The result of a batch, or an event that an earlier request has stored.
#[derive(Debug, ToSchema)]
#[schema(as = RecordedEvents)]
#[serde(untagged)]
#[allow(missing_docs, reason = "the types say it")]
pub enum RecordedEvents {
    Batch(EventReport),
    One(Event),
}

/// Filters of the list of events.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct EventFilter {
    /// Return only events with this name.
    pub name: Option<String>,
    /// Return only events about this chat.
    pub chat_id: Option<Uuid>,
    /// Return only events of this session.
    pub session_id: Option<String>,
    /// `csv` and `ndjson` export all matching events. Takes precedence over the `Accept` header.
    pub format: Option<ExportFormat>,
}

impl EventFilter {
    /// The filters in PostgREST syntax.
    pub(super) fn conditions(&self) -> Vec<(&'static str, String)> {
        let chat_id = self.chat_id.map(|id| id.to_string());
        let given = [("name", &self.name), ("chat_id", &chat_id), ("session_id", &self.session_id)];
        let conditions = given.into_iter().filter_map(|(column, value)| {
            let value = value.as_ref()?;
            Some((column, format!("eq.{value}")))
        });
        conditions.collect()
    }
}

impl NewEvent {
    /// Reads and checks one event.
    pub(super) fn read(event: Value, now: Timestamp) -> Result<Self, Vec<FieldError>> {
        let event: Self = from_value(without_null_id(event)).map_err(|error| vec![error])?;
        let mut checks = Checks::default();
        event.check(now, &mut checks);
        checks.into_errors().map(|()| event)
    }

    /// The same from its text. What is wrong with it is wrong with no other event of its batch.
    pub(super) fn read_text(event: &str, now: Timestamp) -> Result<Self, Vec<FieldError>> {
        Self::read(read_part(event).map_err(|error| vec![error])?, now)
    }

    fn check(&self, now: Timestamp, checks: &mut Checks) {
        checks.length("/name", &self.name, 1, 100);
        if !is_name(&self.name) {
            checks.refuse("/name", "must be letters, digits, single spaces and _ - . : / $");
        }
        if let Some(session_id) = &self.session_id {
            checks.length("/session_id", session_id, 1, 200);
        }
        if let Some(properties) = &self.properties {
            check_properties(properties, checks);
        }
        let is_plausible = |at: Timestamp| at >= now - MAX_AGE && at <= now + MAX_CLOCK_SKEW;
        if self.occurred_at.is_some_and(|at| !is_plausible(at)) {
            checks.refuse("/occurred_at", "must be within the last two years, or a day ahead");
        }
    }

    /// Whether a stored event is the one that this request would have stored.
    pub(super) fn matches(&self, stored: &Event) -> bool {
        let stored_at = stored.occurred_at.parse::<Timestamp>().ok();
        // The database keeps microseconds.
        let micros = |at: Timestamp| at.as_microsecond();
        stored.name == self.name
            && json::is_same_object(
                &stored.properties,
                self.properties.as_ref().unwrap_or(&Map::new()),
            )
            && stored.chat_id == self.chat_id
            && stored.session_id == self.session_id
            && self.occurred_at.is_none_or(|at| stored_at.map(micros) == Some(micros(at)))
    }
}

/// An id that is null is one that was left out.
fn without_null_id(mut event: Value) -> Value {
    if let Value::Object(members) = &mut event
        && members.get("id") == Some(&Value::Null)
    {
        members.remove("id");
    }
    event
}

fn is_name(name: &str) -> bool {
    let is_allowed = |c: char| c.is_alphanumeric() || " _-.:/$".contains(c);
    name.chars().all(is_allowed) && name.trim() == name && !name.contains("  ")
}

fn check_properties(properties: &Map<String, Value>, checks: &mut Checks) {
    let size = serde_json::to_vec(properties).map_or(0, |json| json.len());
    if size > MAX_PROPERTIES_BYTES {
        checks.refuse("/properties", "must be at most 32 KiB of JSON");
    }
    if properties.values().any(|value| json::value_depth(value) >= MAX_DEPTH) {
        checks.refuse("/properties", "must be at most 16 levels deep");
    }
}

/// The events of a batch, each as it was sent; none where the body is a single one.
pub(super) fn batch(body: &JsonText) -> Result<Option<Vec<&RawValue>>, ApiError> {
    #[derive(Deserialize)]
    struct Batch<'a> {
        #[serde(borrow)]
        events: Option<&'a RawValue>,
    }
    let Batch { events: Some(events) } = body.read_borrowed()? else { return Ok(None) };
    match serde_json::from_str::<Vec<&RawValue>>(events.get()) {
        Ok(events) if events.len() <= MAX_BATCH => Ok(Some(events)),
        Ok(_) => Err(ApiError::invalid("/events", format!("must be at most {MAX_BATCH} events"))),
        Err(_) => Err(ApiError::invalid("/events", "must be an array of events")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::NewEvent;

    #[test]
    fn events_are_checked() {
        let now = "2026-11-22T12:00:00Z".parse().unwrap();
        let mut deep = json!(1);
        for _ in 0..16 {
            deep = json!([deep]);
        }
        let cases = [
            (json!({ "name": "page_view" }), None),
            (json!({ "name": "$set" }), None),
            (json!({ "name": "Trial Started", "id": null, "properties": null }), None),
            (json!({ "name": "größe", "occurred_at": "2026-11-22T13:00:00+01:00" }), None),
            (json!({}), Some("/name")),
            (json!([]), Some("")),
            (json!({ "name": "" }), Some("/name")),
            (json!({ "name": " a" }), Some("/name")),
            (json!({ "name": "a\nb" }), Some("/name")),
            (json!({ "name": "<script>" }), Some("/name")),
            (json!({ "name": "a".repeat(101) }), Some("/name")),
            (json!({ "name": 5 }), Some("/name")),
            (json!({ "name": "a", "id": "x" }), Some("/id")),
            (json!({ "name": "a", "chat_id": "x" }), Some("/chat_id")),
            (json!({ "name": "a", "session_id": "" }), Some("/session_id")),
            (json!({ "name": "a", "properties": [] }), Some("/properties")),
            (json!({ "name": "a", "properties": { "a": deep } }), Some("/properties")),
            (
                json!({ "name": "a", "properties": { "a": "x".repeat(33_000) } }),
                Some("/properties"),
            ),
            (json!({ "name": "a", "occurred_at": "1970-01-01T00:00:00Z" }), Some("/occurred_at")),
            (json!({ "name": "a", "occurred_at": "2026-11-24T00:00:00Z" }), Some("/occurred_at")),
            (json!({ "name": "a", "occurred_at": "now" }), Some("/occurred_at")),
        ];
        for (event, pointer) in cases {
            let refused = NewEvent::read(event.clone(), now).err();
            let refused = refused.map(|errors| errors[0].pointer.clone());
            assert_eq!(refused.as_deref(), pointer, "{event}");
        }
        let event: Value = json!({ "name": "a" });
        let ids = [&event, &event].map(|event| NewEvent::read(event.clone(), now).unwrap().id);
        assert_ne!(ids[0], ids[1]);
    }
}
