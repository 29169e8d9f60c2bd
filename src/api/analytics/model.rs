//! What the statistics look like.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::export::Format;

/// The length of a bucket.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum Interval {
    Hour,
    #[default]
    Day,
    Week,
    Month,
}

impl Interval {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
        }
    }
}

/// What the series is divided by.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum GroupBy {
    #[default]
    None,
    Model,
    Provider,
    Operation,
}

impl GroupBy {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Model => "model",
            Self::Provider => "provider",
            Self::Operation => "operation",
        }
    }
}

/// How usage is shown.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct UsageQuery {
    /// The length of a bucket; a day where it is left out. Weeks begin on Monday.
    pub interval: Option<Interval>,
    /// One series for each model, provider or operation.
    pub group_by: Option<GroupBy>,
    /// An IANA time zone; UTC where it is left out.
    #[param(example = "Europe/Berlin")]
    pub time_zone: Option<String>,
    /// `csv` or `ndjson` stream the rows themselves, as the `Accept` header may ask for too.
    pub format: Option<Format>,
}

/// How chats are counted.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ChatsQuery {
    /// An IANA time zone; UTC where it is left out.
    #[param(example = "Europe/Berlin")]
    pub time_zone: Option<String>,
}

/// What was used in a time.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub struct UsageReport {
    /// The beginning of the time, inclusive.
    #[schema(format = DateTime)]
    pub from: String,
    /// Its end, exclusive.
    #[schema(format = DateTime)]
    pub to: String,
    /// The length of a bucket.
    #[schema(example = "day")]
    pub interval: String,
    /// All of it.
    pub totals: UsageTotals,
    /// How long answers took.
    pub latency_ms: Percentiles,
    /// How long it took until they began.
    pub time_to_first_token_ms: Percentiles,
    /// Every bucket of every group, empty ones too, in order.
    pub series: Vec<UsageBucket>,
    /// What is left of today's tokens; null where they are not limited.
    #[schema(required = true)]
    pub daily_tokens: Option<DailyTokens>,
}

/// The sums of some usage rows.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub struct UsageTotals {
    /// How many there were.
    pub requests: u64,
    /// How many of them failed or were cut off.
    pub errors: u64,
    /// Everything that models read, cached tokens included.
    pub input_tokens: u64,
    /// Everything that they wrote, reasoning included.
    pub output_tokens: u64,
    /// The part of the input that came from a cache.
    pub cached_input_tokens: u64,
    /// The part of the output that was thought.
    pub reasoning_tokens: u64,
    /// Input and output together.
    pub total_tokens: u64,
    /// The known prices together; null where there were requests and no price is known.
    #[schema(required = true)]
    pub cost_usd: Option<f64>,
    /// How many requests have no known price and are not in the cost.
    pub unpriced_requests: u64,
}

/// A part of a series.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub struct UsageBucket {
    /// When it begins, in the time zone.
    #[schema(format = DateTime, example = "2026-11-01T00:00:00+01:00")]
    pub bucket: String,
    /// The model, provider or operation; null without groups.
    #[schema(required = true)]
    pub group: Option<String>,
    /// Its sums.
    #[serde(flatten)]
    pub totals: UsageTotals,
}

/// Exact percentiles, interpolated between the two nearest values; null without values.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub struct Percentiles {
    /// The median.
    #[schema(required = true)]
    pub p50: Option<f64>,
    /// 95 of a hundred are at most this.
    #[schema(required = true)]
    pub p95: Option<f64>,
    /// 99 of a hundred are at most this.
    #[schema(required = true)]
    pub p99: Option<f64>,
}

/// What is left of today's tokens.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub struct DailyTokens {
    /// How many a day has.
    pub limit: u64,
    /// How many are used since 00:00 UTC.
    pub used: u64,
    /// How many are set aside for answers that are being written.
    pub reserved: u64,
    /// How many are left.
    pub remaining: u64,
    /// When the next day begins.
    #[schema(format = DateTime)]
    pub resets_at: String,
}

/// How many chats and messages there are.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub struct ChatStatistics {
    /// All chats, as `GET /api/chats/` lists them.
    pub total_chats: u64,
    /// Those that are not archived.
    pub active_chats: u64,
    /// Those that are.
    pub archived_chats: u64,
    /// Those that are bookmarked.
    pub bookmarked_chats: u64,
    /// All active messages.
    pub total_messages: u64,
    /// The same by `user`, `assistant` and `system`.
    pub messages_by_role: BTreeMap<String, u64>,
    /// Messages by chats; 0 without chats.
    pub average_messages_per_chat: f64,
    /// New chats, every day of the time.
    pub chats_by_day: Vec<DayCount>,
    /// New messages, every day of the time.
    pub messages_by_day: Vec<DayCount>,
    /// The ten models with the most answers.
    pub top_models: Vec<ModelCount>,
}

/// How many on a day.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub struct DayCount {
    /// The day in the time zone.
    #[schema(format = Date)]
    pub date: String,
    /// How many.
    pub count: u64,
}

/// How many answers of a model.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub struct ModelCount {
    /// The model.
    pub model: String,
    /// Its answers.
    pub messages: u64,
}

/// An event of the front end.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub struct Event {
    /// Its id.
    pub id: Uuid,
    /// Whose it is.
    pub user_id: Uuid,
    /// What happened.
    #[schema(example = "answer_copied")]
    pub name: String,
    /// The front end's own data.
    pub properties: Map<String, Value>,
    /// The chat it is about.
    #[schema(required = true)]
    pub chat_id: Option<Uuid>,
    /// The front end's session.
    #[schema(required = true)]
    pub session_id: Option<String>,
    /// When it happened.
    #[schema(format = DateTime)]
    pub occurred_at: String,
    /// When it was stored.
    #[schema(format = DateTime)]
    pub created_at: String,
}

/// What became of a batch of events.
#[derive(Debug, Serialize, ToSchema)]
pub struct EventReport {
    /// How many were stored.
    pub accepted: u64,
    /// How many had been stored before.
    pub duplicates: u64,
    /// Those that were refused.
    pub errors: Vec<EventError>,
}

/// Why an event was refused.
#[derive(Debug, Serialize, ToSchema)]
pub struct EventError {
    /// Its place in the batch, from 0.
    pub index: usize,
    /// A stable name for programs: `validation_failed`, `id_conflict`, `chat_not_found` or
    /// `properties_too_large`.
    pub code: String,
    /// What is wrong with it.
    #[schema(example = "name must be 1 to 100 characters long")]
    pub detail: String,
}
