//! The request and response types of `/api/admin`.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::api::analytics::model::{Interval, Percentiles, UsageBucket, UsageTotals};

/// Grouping of the series.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum AdminGroupBy {
    #[default]
    None,
    User,
    Model,
    Provider,
    Operation,
    Assistant,
    Plan,
}

impl AdminGroupBy {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::User => "user",
            Self::Model => "model",
            Self::Provider => "provider",
            Self::Operation => "operation",
            Self::Assistant => "assistant",
            Self::Plan => "plan",
        }
    }
}

/// Options of the usage statistics of all users.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AdminUsageQuery {
    /// Length of a bucket. Defaults to `day`; weeks begin on Monday.
    pub interval: Option<Interval>,
    /// Divide the series by user, model, provider, operation, assistant or plan.
    pub group_by: Option<AdminGroupBy>,
    /// IANA time zone. Defaults to UTC.
    #[param(example = "Europe/Berlin")]
    pub time_zone: Option<String>,
}

/// Usage statistics of all users in a time range.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub struct AdminUsageReport {
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
    /// Duration of requests, in milliseconds; of values to three digits.
    pub latency_ms: Percentiles,
    /// Time to the first token, in milliseconds; of values to three digits.
    pub time_to_first_token_ms: Percentiles,
    /// All buckets of all groups in chronological order, including empty ones. The group of a bucket is the
    /// ID of a user with `group_by=user`.
    pub series: Vec<UsageBucket>,
}
