//! Calls of tools: those that wait for the client, and what became of the others.

use serde_json::{Value, json};

use super::event::Interrupt;
use crate::agent::{HostedCall, HostedState, Part, ToolPart, ToolState};

/// The calls that the client has to answer.
pub(super) fn waiting(parts: &[Part]) -> Vec<(&ToolPart, &Value)> {
    let calls = parts.iter().filter_map(|part| match part {
        Part::Tool(call) => match &call.state {
            ToolState::InputAvailable(input) => Some((&**call, input)),
            _ => None,
        },
        _ => None,
    });
    calls.collect()
}

/// TanStack AI runs a tool only when it is asked this way.
pub(super) fn interrupt<'a>(call: &'a ToolPart, input: &Value) -> Interrupt<'a> {
    Interrupt {
        id: format!("client_tool_{}", call.id),
        reason: "tanstack:client_tool_execution",
        tool_call_id: &call.id,
        response_schema: json!({}),
        metadata: json!({ "kind": "client_tool", "toolName": call.name, "input": input }),
    }
}

/// A call of a tool that the provider has run, as one of this server's: the protocol has no other.
pub(super) fn of_provider(call: &HostedCall) -> Option<ToolPart> {
    let state = match call.state.clone() {
        HostedState::Done { input, output } => ToolState::OutputAvailable { input, output },
        HostedState::Failed { input, error_text } => ToolState::OutputError { input, error_text },
        HostedState::Started | HostedState::Called(_) => return None,
    };
    Some(ToolPart {
        id: call.id.clone(),
        name: call.name.clone(),
        arguments: call.state.input().map(Value::to_string).unwrap_or_default(),
        state,
        opaque: None,
        approval: None,
        is_edited: false,
    })
}

/// What a tool has answered, as the protocol has it: text.
pub(super) fn result_text(call: &ToolPart) -> Option<String> {
    match &call.state {
        ToolState::OutputAvailable { output: Value::String(text), .. } => Some(text.clone()),
        ToolState::OutputAvailable { output, .. } => Some(output.to_string()),
        ToolState::OutputError { error_text, .. } => Some(error_text.clone()),
        ToolState::OutputDenied(_) => Some(call.denial()),
        _ => None,
    }
}
