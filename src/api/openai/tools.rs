//! The functions of a request, and whether the model may or must call them.

use serde_json::{Value, json};

use super::model::{ChatTool, ToolChoiceOption};
use crate::http::validate::Checks;
use crate::json::{MAX_DEPTH, value_depth};
use crate::providers::{ToolChoice, ToolDefinition};

const MAX_TOOLS: usize = 128;

/// The definitions of the functions.
pub(super) fn definitions(tools: Vec<ChatTool>, checks: &mut Checks) -> Vec<ToolDefinition> {
    if tools.len() > MAX_TOOLS {
        checks.refuse("/tools", format!("must be at most {MAX_TOOLS} functions"));
    }
    let mut definitions: Vec<ToolDefinition> = Vec::new();
    for (index, tool) in tools.into_iter().enumerate() {
        let Some(function) = tool.function.filter(|_| tool.r#type == "function") else {
            checks.refuse(format!("/tools/{index}/type"), "must be function, with its definition");
            continue;
        };
        let pointer = format!("/tools/{index}/function");
        if !is_name(&function.name) {
            checks.refuse(format!("{pointer}/name"), "must match [A-Za-z0-9_-]{1,64}");
        }
        if definitions.iter().any(|other| other.name == function.name) {
            checks.refuse(format!("{pointer}/name"), "is the name of another function");
        }
        let parameters = function.parameters.map(Value::Object);
        let parameters =
            parameters.unwrap_or_else(|| json!({ "type": "object", "properties": {} }));
        if value_depth(&parameters) > MAX_DEPTH {
            let detail = format!("must not be nested deeper than {MAX_DEPTH} levels");
            checks.refuse(format!("{pointer}/parameters"), detail);
        }
        definitions.push(ToolDefinition {
            name: function.name,
            description: function.description.unwrap_or_default(),
            parameters,
        });
    }
    definitions
}

fn is_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b))
}

/// Whether the model may or must call them.
pub(super) fn choice(
    choice: Option<ToolChoiceOption>,
    tools: &[ToolDefinition],
    checks: &mut Checks,
) -> ToolChoice {
    let choice = match choice {
        None => return ToolChoice::Auto,
        Some(ToolChoiceOption::Function { function }) => ToolChoice::Tool(function.name),
        Some(ToolChoiceOption::Word(word)) => match word.as_str() {
            "none" => return ToolChoice::None,
            "auto" => return ToolChoice::Auto,
            "required" => ToolChoice::Required,
            _ => {
                checks.refuse("/tool_choice", "must be none, auto, required or a function");
                return ToolChoice::Auto;
            }
        },
    };
    match &choice {
        _ if tools.is_empty() => checks.refuse("/tool_choice", "needs tools to choose from"),
        ToolChoice::Tool(name) if tools.iter().all(|tool| tool.name != *name) => {
            checks.refuse("/tool_choice/function/name", "is not the name of one of the tools");
        }
        _ => {}
    }
    choice
}
