//! The options of a request to a model.

use serde::{Deserialize, Serialize};

use crate::providers::{ReasoningEffort, ResponseFormat};

/// The options of a request to a model.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Options {
    pub system: Option<String>,
    pub max_output_tokens: Option<u32>,
    pub temperature: Option<f64>,
    pub top_p: Option<f64>,
    pub stop: Vec<String>,
    pub reasoning_effort: Option<ReasoningEffort>,
    /// That of an answer in a chat is always the default, so it is not handed on.
    #[serde(skip)]
    pub response_format: ResponseFormat,
    pub max_steps: u32,
}
