//! The options of a request to a model.

use serde::{Deserialize, Serialize};

use crate::providers::{ReasoningEffort, ResponseFormat, ToolChoice, ToolDefinition};

/// The options of a request to a model.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Options {
    pub system: Option<String>,
    /// What follows the instructions, the chat's or the request's.
    pub context: Option<String>,
    pub max_output_tokens: Option<u32>,
    /// The most of output where the request does not say how much: the assistant's.
    #[serde(default)]
    pub output_limit: Option<u32>,
    pub temperature: Option<f64>,
    pub top_p: Option<f64>,
    pub stop: Vec<String>,
    pub reasoning_effort: Option<ReasoningEffort>,
    /// That of an answer in a chat is always the default, so it is not handed on.
    #[serde(skip)]
    pub response_format: ResponseFormat,
    pub max_steps: u32,
    /// Tools that the model may call and that the caller runs: their calls end the answer. An answer in a
    /// chat has none.
    #[serde(skip)]
    pub functions: Vec<ToolDefinition>,
    #[serde(skip)]
    pub tool_choice: ToolChoice,
    #[serde(skip)]
    pub parallel_tool_calls: Option<bool>,
}
