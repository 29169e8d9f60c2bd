//! What an answer has used, as it is stored.

use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use crate::agent::Terms;
use crate::agent::message::answer::Status;
use crate::agent::usage::UsageSource;
use crate::agent::usage::meter::UsageTotal;
use crate::observability::metrics::Answered;
use crate::providers::catalogue::Usd;
use crate::providers::{ChosenModel, ProviderName};

/// A row of `usage_logs`; its id, user, chat and message are the recorder's to add.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs, reason = "the columns of the table")]
pub struct UsageLog {
    pub operation: &'static str,
    pub provider: ProviderName,
    pub model: String,
    pub input_tokens: u64,
    pub output_tokens: u64,
    pub cached_input_tokens: u64,
    pub cache_write_input_tokens: u64,
    pub reasoning_tokens: u64,
    pub usage_source: UsageSource,
    pub cost_usd: Option<Usd>,
    pub latency_ms: u64,
    pub time_to_first_token_ms: Option<u64>,
    pub status: &'static str,
    pub error_code: Option<&'static str>,
    pub raw: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prices: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assistant: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assistant_version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
    /// What of `cost_usd` was for tools.
    #[serde(skip)]
    pub tools_usd: Usd,
}

impl UsageLog {
    /// The tokens of these calls, which end with this status.
    pub(super) fn new(
        operation: &'static str,
        model: &ChosenModel,
        total: &UsageTotal,
        status: Status,
        latency_ms: u64,
        terms: &Terms,
    ) -> Self {
        let tokens = total.tokens();
        let assistant = terms.assistant.as_ref();
        Self {
            operation,
            provider: model.provider().clone(),
            model: model.id.clone(),
            input_tokens: tokens.input_tokens,
            output_tokens: tokens.output_tokens,
            cached_input_tokens: tokens.cached_input_tokens,
            cache_write_input_tokens: tokens.cache_write_input_tokens,
            reasoning_tokens: tokens.reasoning_tokens,
            usage_source: total.source(),
            cost_usd: total.cost(),
            latency_ms,
            time_to_first_token_ms: None,
            // What waits has been produced whole.
            status: if status == Status::Awaiting { "complete" } else { status.as_str() },
            error_code: None,
            raw: total.raw(terms.instructions()),
            prices: total.prices(),
            assistant: assistant.map(|assistant| assistant.id.clone()),
            assistant_version: assistant.map(|assistant| assistant.version.clone()),
            plan: terms.plan.as_ref().map(|plan| plan.name.clone()),
            tools_usd: total.tools_cost(),
        }
    }

    /// What the metrics count of it.
    pub(super) fn answered(&self) -> Answered {
        Answered {
            provider: self.provider.to_string(),
            operation: self.operation,
            status: self.status,
            latency: Duration::from_millis(self.latency_ms),
            time_to_first_token: self.time_to_first_token_ms.map(Duration::from_millis),
            input_tokens: self.input_tokens,
            cached_input_tokens: self.cached_input_tokens,
            output_tokens: self.output_tokens,
            reasoning_tokens: self.reasoning_tokens,
            // Tools are counted by themselves.
            cost_usd: self.cost_usd.map(|cost| cost.saturating_sub(self.tools_usd).as_f64()),
        }
    }
}
