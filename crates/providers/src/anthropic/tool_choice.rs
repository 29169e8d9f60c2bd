//! Whether the model may or must call tools, and how many at once.

use serde::Serialize;

use crate::{Request, ToolChoice};

/// `tool_choice` of a request.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(super) enum Choice<'a> {
    Auto {
        #[serde(skip_serializing_if = "Option::is_none")]
        disable_parallel_tool_use: Option<bool>,
    },
    Any {
        #[serde(skip_serializing_if = "Option::is_none")]
        disable_parallel_tool_use: Option<bool>,
    },
    Tool {
        name: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        disable_parallel_tool_use: Option<bool>,
    },
    None,
}

impl Choice<'_> {
    /// The model must call a tool, which the API takes only without thinking.
    pub(super) fn is_forced(&self) -> bool {
        matches!(self, Self::Any { .. } | Self::Tool { .. })
    }
}

/// The choice that a request makes; `None` where it leaves everything to the model.
pub(super) fn tool_choice(request: &Request) -> Option<Choice<'_>> {
    let disable_parallel_tool_use =
        request.parallel_tool_calls.map(|parallel| !parallel).filter(|is_disabled| *is_disabled);
    match &request.tool_choice {
        // What a history names may not be called any more.
        _ if request.tools.is_empty() && request.hosted_tools.is_empty() => Some(Choice::None),
        ToolChoice::None => Some(Choice::None),
        ToolChoice::Required => Some(Choice::Any { disable_parallel_tool_use }),
        ToolChoice::Tool(name) => Some(Choice::Tool { name, disable_parallel_tool_use }),
        ToolChoice::Auto => disable_parallel_tool_use
            .map(|disabled| Choice::Auto { disable_parallel_tool_use: Some(disabled) }),
    }
}
