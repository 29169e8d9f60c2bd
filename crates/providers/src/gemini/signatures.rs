//! Thought signatures, which a tool call carries back to the model that made it.

use super::name::NAME;
use crate::{Content, Message, Opaque, Role};

/// The value that Google documents for a call made by another model.
const NO_SIGNATURE: &str = r#"{"google":{"thought_signature":"skip_thought_signature_validator"}}"#;

/// Adds a signature to the first call of each turn in which no call has one: Gemini signs only the
/// first of several calls, and refuses a turn without any.
pub(super) fn complete(messages: &mut [Message]) {
    for message in messages.iter_mut().filter(|message| message.role == Role::Assistant) {
        let mut calls: Vec<_> = message.content.iter_mut().filter_map(signature).collect();
        if calls.iter().all(|signature| signature.is_none())
            && let Some(first) = calls.first_mut()
        {
            **first = Some(Opaque { provider: NAME, json: NO_SIGNATURE.to_owned() });
        }
    }
}

fn signature(piece: &mut Content) -> Option<&mut Option<Opaque>> {
    match piece {
        Content::ToolCall { opaque, .. } => Some(opaque),
        _ => None,
    }
}
