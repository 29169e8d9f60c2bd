//! A call that waits for somebody when its answer ends.

use serde::Serialize;
use serde_json::Value;

use super::client::{ClientTool, definition_digest};

/// How long a page has to send the result of a call.
const PAGE_TIMEOUT_S: u32 = 600;

/// A call that waits for somebody when its answer ends.
#[derive(Clone, Debug, Serialize)]
pub struct WaitingCall {
    call_id: String,
    /// Whose tool it is.
    source: &'static str,
    tool: String,
    /// What the tool was when it was called.
    definition: Value,
    definition_digest: String,
    arguments: Value,
    expires_in_s: u32,
}

impl WaitingCall {
    /// A call of a tool that runs in the page.
    pub(in crate::agent) fn of_page(call_id: String, tool: &ClientTool, arguments: Value) -> Self {
        let definition = tool.to_json();
        Self {
            call_id,
            source: "client",
            tool: tool.name().to_owned(),
            definition_digest: definition_digest(&definition),
            definition,
            arguments,
            expires_in_s: PAGE_TIMEOUT_S,
        }
    }
}
