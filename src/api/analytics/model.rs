//! The request and response types of `/api/analytics`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::export::ExportFormat;

/// Length of a bucket.
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
    pub(in crate::api) fn as_str(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
        }
    }
}

/// Grouping of the series.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum GroupBy {
    #[default]
    None,
    Model,
    Provider,
    Operation,
    Assistant,
    Plan,
}

impl GroupBy {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Model => "model",
            Self::Provider => "provider",
            Self::Operation => "operation",
            Self::Assistant => "assistant",
            Self::Plan => "plan",
        }
    }
}

/// Options of the usage statistics.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct UsageQuery {
    /// Length of a bucket. Defaults to `day`; weeks begin on Monday.
    pub interval: Option<Interval>,
    /// Divide the series by model, provider, operation, assistant or plan.
    pub group_by: Option<GroupBy>,
    /// IANA time zone. Defaults to UTC.
    #[param(example = "Europe/Berlin")]
    pub time_zone: Option<String>,
    /// `csv` and `ndjson` export the individual records. Takes precedence over the `Accept` header.
    pub format: Option<ExportFormat>,
}

/// Options of the chat statistics.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ChatsQuery {
    /// IANA time zone. Defaults to UTC.
    #[param(example = "Europe/Berlin")]
    pub time_zone: Option<String>,
}

/// Usage statistics of a time range.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub struct UsageReport {
    /// Start of the time range, inclusive.
    #[schema(format = DateTime)]
    pub from: String,
    /// End of the time range, exclusive.
    #[schema(format = DateTime)]
    pub to: String,
    /// Length of a bucket.
    #[schema(example = "day")]
    pub interval: String,
    /// Totals over the whole time range.
    pub totals: UsageTotals,
    /// Duration of requests, in milliseconds.
    pub latency_ms: Percentiles,
    /// Time to the first token, in milliseconds.
    pub time_to_first_token_ms: Percentiles,
    /// All buckets of all groups in chronological order, including empty ones.
    pub series: Vec<UsageBucket>,
    /// The user's daily token limit; null if there is none.
    #[schema(required = true)]
    pub daily_tokens: Option<DailyTokens>,
    /// What the user's plan allows to spend; empty if money is not limited.
    pub budgets: Vec<UsageBudget>,
}

/// A limit of money.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub struct UsageBudget {
    /// How long it lasts, in UTC: `day` or `month`.
    #[schema(example = "day")]
    pub period: String,
    /// What may be spent.
    #[schema(example = 0.5)]
    pub limit_usd: f64,
    /// What has been spent.
    #[schema(example = 0.125)]
    pub used_usd: f64,
    /// What running answers have set aside.
    #[schema(example = 0.02)]
    pub reserved_usd: f64,
    /// When it is full again.
    #[schema(format = DateTime)]
    pub resets_at: String,
}

/// Totals over a number of usage records.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub struct UsageTotals {
    /// Number of requests.
    pub requests: u64,
    /// Number of requests that failed or were interrupted.
    pub errors: u64,
    /// Input tokens, including cached tokens.
    pub input_tokens: u64,
    /// Output tokens, including reasoning tokens.
    pub output_tokens: u64,
    /// Input tokens read from a cache.
    pub cached_input_tokens: u64,
    /// Output tokens used for reasoning.
    pub reasoning_tokens: u64,
    /// Sum of input and output tokens.
    pub total_tokens: u64,
    /// Cost in USD of the requests with a known price; null if there were requests and none has one.
    #[schema(required = true)]
    pub cost_usd: Option<f64>,
    /// Number of requests without a known price, which `cost_usd` does not include.
    pub unpriced_requests: u64,
}

/// A bucket of a series.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub struct UsageBucket {
    /// Start of the bucket, in the requested time zone.
    #[schema(format = DateTime, example = "2026-11-01T00:00:00+01:00")]
    pub bucket: String,
    /// Model, provider or operation; null without grouping.
    #[schema(required = true)]
    pub group: Option<String>,
    /// Totals of the bucket.
    #[serde(flatten)]
    pub totals: UsageTotals,
}

/// Percentiles, interpolated between the two nearest values; null if there are no values.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub struct Percentiles {
    /// 50th percentile (median).
    #[schema(required = true)]
    pub p50: Option<f64>,
    /// 95th percentile.
    #[schema(required = true)]
    pub p95: Option<f64>,
    /// 99th percentile.
    #[schema(required = true)]
    pub p99: Option<f64>,
}

/// Use of the daily token limit.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub struct DailyTokens {
    /// Tokens available per day.
    pub limit: u64,
    /// Tokens used since 00:00 UTC.
    pub used: u64,
    /// Tokens reserved for running generations.
    pub reserved: u64,
    /// Tokens left for today.
    pub remaining: u64,
    /// Time the limit resets.
    #[schema(format = DateTime)]
    pub resets_at: String,
}

/// Chat and message statistics.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub struct ChatStatistics {
    /// Number of chats, as listed by `GET /api/chats/`.
    pub total_chats: u64,
    /// Number of chats that are not archived.
    pub active_chats: u64,
    /// Number of archived chats.
    pub archived_chats: u64,
    /// Number of bookmarked chats.
    pub bookmarked_chats: u64,
    /// Number of active messages.
    pub total_messages: u64,
    /// Number of active messages by role: `user`, `assistant` and `system`.
    pub messages_by_role: BTreeMap<String, u64>,
    /// Average number of messages per chat; 0 if there are no chats.
    pub average_messages_per_chat: f64,
    /// Number of chats created on each day of the range.
    pub chats_by_day: Vec<DayCount>,
    /// Number of messages created on each day of the range.
    pub messages_by_day: Vec<DayCount>,
    /// The ten models with the most messages.
    pub top_models: Vec<ModelCount>,
}

/// A count for one day.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub struct DayCount {
    /// Date in the requested time zone.
    #[schema(format = Date)]
    pub date: String,
    /// The count.
    pub count: u64,
}

/// A count for one model.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub struct ModelCount {
    /// ID of the model.
    pub model: String,
    /// Number of messages the model generated.
    pub messages: u64,
}

/// An analytics event.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub struct Event {
    /// ID of the event.
    pub id: Uuid,
    /// ID of the user who owns the event.
    pub user_id: Uuid,
    /// Name of the event.
    #[schema(example = "answer_copied")]
    pub name: String,
    /// Custom properties.
    pub properties: Map<String, Value>,
    /// ID of the chat that the event is about.
    #[schema(required = true)]
    pub chat_id: Option<Uuid>,
    /// ID of the front-end session.
    #[schema(required = true)]
    pub session_id: Option<String>,
    /// Time the event occurred.
    #[schema(format = DateTime)]
    pub occurred_at: String,
    /// Time the event was stored.
    #[schema(format = DateTime)]
    pub created_at: String,
}

/// Result of storing a batch of events.
#[derive(Debug, Serialize, ToSchema)]
pub struct EventReport {
    /// Number of events stored.
    pub accepted: u64,
    /// Number of events that had already been stored.
    pub duplicates: u64,
    /// The events that were rejected.
    pub errors: Vec<EventError>,
}

/// Why an event was rejected.
#[derive(Debug, Serialize, ToSchema)]
pub struct EventError {
    /// Zero-based index of the event in the batch.
    pub index: usize,
    /// Machine-readable code: `validation_failed`, `id_conflict`, `chat_not_found` or
    /// `properties_too_large`.
    pub code: String,
    /// Description of the error.
    #[schema(example = "name must be 1 to 100 characters long")]
    pub detail: String,
}
