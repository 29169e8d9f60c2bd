//! The reasoning effort, in the form that the generation of the model supports.

use serde::Serialize;

use crate::ReasoningEffort;
use crate::catalogue::{Model, ThinkingMode};

/// The smallest budget that the API accepts.
const MIN_BUDGET: u32 = 1024;

#[derive(Debug, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(super) enum Thinking {
    Adaptive { display: Display },
    Enabled { budget_tokens: u32, display: Display },
    Disabled,
}

/// Whether the reasoning is sent.
#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Display {
    Summarized,
}

#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Effort {
    Low,
    Medium,
    High,
    Xhigh,
    Max,
}

/// The reasoning settings of a request. Without an effort the model decides.
pub(super) fn thinking(
    effort: Option<ReasoningEffort>,
    model: Option<&Model>,
    max_tokens: u32,
) -> (Option<Thinking>, Option<Effort>) {
    let mode = model.map_or(ThinkingMode::Adaptive, |model| model.thinking);
    match (effort, mode) {
        (None, _) => (None, None),
        (Some(ReasoningEffort::None), ThinkingMode::Always) => (None, Some(Effort::Low)),
        (Some(ReasoningEffort::None), _) => (Some(Thinking::Disabled), None),
        (Some(effort), ThinkingMode::Budget) => (budget(effort, max_tokens), None),
        (Some(effort), ThinkingMode::Adaptive | ThinkingMode::Always) => {
            (Some(Thinking::Adaptive { display: Display::Summarized }), Some(level(effort)))
        }
    }
}

fn level(effort: ReasoningEffort) -> Effort {
    match effort {
        ReasoningEffort::None | ReasoningEffort::Minimal | ReasoningEffort::Low => Effort::Low,
        ReasoningEffort::Medium => Effort::Medium,
        ReasoningEffort::High => Effort::High,
        ReasoningEffort::Xhigh => Effort::Xhigh,
        ReasoningEffort::Max => Effort::Max,
    }
}

/// Reasoning counts towards the output limit, so half of it is reserved for the answer.
fn budget(effort: ReasoningEffort, max_tokens: u32) -> Option<Thinking> {
    let requested = match effort {
        ReasoningEffort::None | ReasoningEffort::Minimal => MIN_BUDGET,
        ReasoningEffort::Low => 2048,
        ReasoningEffort::Medium => 8192,
        ReasoningEffort::High => 16_384,
        ReasoningEffort::Xhigh | ReasoningEffort::Max => 32_768,
    };
    let budget_tokens = requested.min(max_tokens / 2);
    (budget_tokens >= MIN_BUDGET)
        .then_some(Thinking::Enabled { budget_tokens, display: Display::Summarized })
}
