//! The daily limit of tokens: what a generation reserves before it asks a model.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::estimated_tokens;
use crate::agent::Options;
use crate::agent::message::history::HistoryMessage;
use crate::agent::message::part;
use crate::providers::ToolDefinition;

/// The output cap where the request names none. It is lowered to what is left of the day.
const DEFAULT_OUTPUT_TOKENS: u64 = 16_384;
/// Less than this of an answer is not worth asking for.
pub(in crate::agent) const MIN_OUTPUT_TOKENS: u64 = 256;
/// What providers add around messages and tools.
const OVERHEAD_TOKENS: u64 = 128;

/// What the database is told about an answer before a model is asked: what it sends besides its history
/// and, where there is a daily limit, the tokens to reserve.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Reserve {
    limit: Option<u64>,
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
}

/// The tokens that were reserved.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Reserved {
    /// Input and output together.
    pub tokens: u64,
    /// The output cap.
    pub output_tokens: u64,
}

/// A larger reservation for a running answer: everything that it needs in total.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Extension {
    pub(in crate::agent) limit: u64,
    pub(in crate::agent) tokens: u64,
}

/// The daily limit is reached.
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
}

impl Reserve {
    /// The reservation for a request, without the history of its chat. Without a limit nothing is reserved.
    pub fn new(
        limit: Option<u64>,
        server: Option<&'static str>,
        options: &Options,
        tools: &[ToolDefinition],
        context_window: Option<u64>,
    ) -> Self {
        let system = options.system.as_ref().map_or(0, String::len);
        let tools: usize = tools.iter().map(tool_bytes).sum();
        let cap = options.max_output_tokens.map(u64::from);
        Self {
            limit,
            server,
            input_tokens: estimated_tokens(system + tools),
            overhead_tokens: OVERHEAD_TOKENS,
            max_input_tokens: context_window,
            output_tokens: cap.unwrap_or(DEFAULT_OUTPUT_TOKENS),
            min_output_tokens: cap.unwrap_or(MIN_OUTPUT_TOKENS),
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
