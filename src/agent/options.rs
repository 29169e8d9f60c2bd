//! The options of a request to a model.

use crate::providers::{ReasoningEffort, ResponseFormat, ToolChoice, ToolDefinition};

/// The options of a request to a model.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct Options {
    pub system: Option<String>,
    /// What follows the instructions, the chat's or the request's.
    pub context: Option<String>,
    pub max_output_tokens: Option<u32>,
    pub temperature: Option<f64>,
    pub top_p: Option<f64>,
    pub stop: Vec<String>,
    pub reasoning_effort: Option<ReasoningEffort>,
    pub response_format: ResponseFormat,
    pub max_steps: u32,
    /// Tools that the model may call and that the caller runs: their calls end the answer.
    pub functions: Vec<ToolDefinition>,
    pub tool_choice: ToolChoice,
    pub parallel_tool_calls: Option<bool>,
}
