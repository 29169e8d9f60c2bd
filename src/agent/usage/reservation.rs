//! Limits of tokens and money: what a generation reserves before it asks a model.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::estimated_tokens;
use crate::agent::Options;
use crate::agent::message::history::HistoryMessage;
use crate::agent::message::part;
use crate::agent::terms::{BudgetLimit, Period, Terms};
use crate::providers::catalogue::Usd;
use crate::providers::{ChosenModel, ToolDefinition};

/// The output cap where the request names none. It is lowered to what is left of the day.
const DEFAULT_OUTPUT_TOKENS: u64 = 16_384;
/// Less than this of an answer is not worth asking for.
pub(in crate::agent) const MIN_OUTPUT_TOKENS: u64 = 256;
/// What providers add around messages and tools.
pub(in crate::agent) const OVERHEAD_TOKENS: u64 = 128;

/// What the database is told about an answer before a model is asked: what it sends besides its history
/// and, where there are limits, what to reserve.
#[derive(Clone, Debug, Serialize)]
pub struct Reserve {
    limit: Option<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    budgets: Vec<BudgetLimit>,
    /// The name of the server that works on it, where it has one.
    server: Option<&'static str>,
    /// The tokens in addition to the history, which the database estimates.
    input_tokens: u64,
    /// Input to reserve besides that is not counted as used.
    overhead_tokens: u64,
    /// The context window of the model, where known.
    max_input_tokens: Option<u64>,
    output_tokens: u64,
    /// The lowest acceptable output cap.
    min_output_tokens: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    usd_per_input_token: Option<Usd>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usd_per_output_token: Option<Usd>,
    #[serde(skip_serializing_if = "Option::is_none")]
    assistant: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    assistant_version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    plan: Option<String>,
}

/// A budget as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    /// How long it lasts.
    pub period: Period,
    /// What may be spent.
    pub limit_usd: Usd,
    /// What has been.
    pub used_usd: Usd,
    /// What answers at work have set aside.
    pub reserved_usd: Usd,
    /// When it is full again.
    pub resets_at: Timestamp,
}

/// What was reserved.
#[derive(Clone, Debug, Deserialize)]
pub struct Reserved {
    /// Input and output together.
    pub tokens: u64,
    /// The output cap.
    pub output_tokens: u64,
    /// The money, where it is limited.
    pub usd: Option<Usd>,
    /// What counted against the budgets before.
    #[serde(default)]
    pub budgets: Vec<Budget>,
}

/// A larger reservation for a running answer: everything that it needs in total.
#[derive(Clone, Debug, Serialize)]
pub struct Extension {
    pub(in crate::agent) limit: Option<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(in crate::agent) budgets: Vec<BudgetLimit>,
    pub(in crate::agent) tokens: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::agent) usd: Option<Usd>,
}

/// A limit is reached: the day's tokens or, where it is there, a budget.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct OverLimit {
    /// The tokens of a day.
    pub limit: u64,
    /// The tokens that are neither used nor reserved.
    pub remaining: u64,
    /// When the next day begins.
    pub resets_at: Timestamp,
    /// The seconds until then.
    pub retry_after_s: u64,
    /// The budget that is reached.
    pub budget: Option<Box<OverBudget>>,
}

/// A budget that is reached.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct OverBudget {
    /// The budget.
    #[serde(flatten)]
    pub budget: Budget,
    /// What is neither used nor reserved.
    pub remaining_usd: Usd,
    /// The seconds until it is full again.
    pub retry_after_s: u64,
}

impl Reserve {
    /// The reservation for a request, without the history of its chat. Without a limit nothing is reserved.
    pub fn new(
        terms: &Terms,
        server: Option<&'static str>,
        options: &Options,
        tools: &[ToolDefinition],
        model: Option<&ChosenModel>,
    ) -> Self {
        let instructions = terms.instructions().map_or("", |instructions| instructions.expose());
        let system: usize = options.system.iter().chain(&options.context).map(String::len).sum();
        let tools: usize = tools.iter().map(tool_bytes).sum();
        let cap = options.max_output_tokens.map(u64::from);
        let most = options.output_limit.map_or(DEFAULT_OUTPUT_TOKENS, u64::from);
        let budgets = terms.budgets();
        let prices = model.and_then(ChosenModel::prices).filter(|_| !budgets.is_empty());
        let prices = prices.map(|prices| prices.highest(0));
        let assistant = terms.assistant.as_ref();
        Self {
            limit: terms.daily_tokens,
            budgets,
            server,
            input_tokens: estimated_tokens(instructions.len() + system + tools),
            overhead_tokens: OVERHEAD_TOKENS,
            max_input_tokens: model.and_then(ChosenModel::context_window),
            output_tokens: cap.unwrap_or(most),
            min_output_tokens: cap.unwrap_or(MIN_OUTPUT_TOKENS.min(most)),
            usd_per_input_token: prices.map(|(input, _)| input.times(1)),
            usd_per_output_token: prices.map(|(_, output)| output.times(1)),
            assistant: assistant.map(|assistant| assistant.id.clone()),
            assistant_version: assistant.map(|assistant| assistant.version.clone()),
            plan: terms.plan.as_ref().map(|plan| plan.name.clone()),
        }
    }

    /// Adds the history of a request that brings its own.
    pub fn with_history(self, history: &[HistoryMessage]) -> Self {
        let bytes: usize = history.iter().map(|message| part::content(&message.parts).len()).sum();
        Self { input_tokens: self.input_tokens + estimated_tokens(bytes), ..self }
    }
}

pub(super) fn tool_bytes(tool: &ToolDefinition) -> usize {
    tool.description.len() + tool.parameters.to_string().len()
}
