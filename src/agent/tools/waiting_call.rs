//! A call that waits for somebody when its answer ends.

use std::time::Duration;

use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::client::{ClientTool, definition_digest};
use super::sources::OfferedTool;

/// How long a page has to send the result of a call.
const PAGE_TIMEOUT_S: u32 = 600;

/// A call that waits for somebody when its answer ends.
#[derive(Clone, Debug, Serialize)]
pub struct WaitingCall {
    call_id: String,
    /// Whose tool it is.
    source: String,
    tool: String,
    /// What a tool of the page was when it was called.
    definition: Option<Value>,
    definition_digest: String,
    arguments: Value,
    expires_in_s: u64,
    /// What a person is asked.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    asked: Option<Asked>,
}

/// What a person is asked, and what is needed to make the call.
#[derive(Clone, Debug, Serialize)]
struct Asked {
    id: Uuid,
    source_tool: String,
    title: Option<String>,
    target: Option<String>,
    policy: &'static str,
    policy_reason: Option<String>,
    redact: Vec<String>,
    arguments_digest: String,
    is_repeatable: bool,
    may_edit: bool,
    may_remember: bool,
    seal: String,
}

/// A question about a call.
pub(in crate::agent) struct Question {
    /// The id by which it is decided.
    pub(in crate::agent) id: Uuid,
    pub(in crate::agent) policy: &'static str,
    pub(in crate::agent) arguments_digest: String,
    /// The server's seal over the call.
    pub(in crate::agent) seal: String,
    /// How long it can be decided.
    pub(in crate::agent) ttl: Duration,
}

impl WaitingCall {
    /// A call of a tool that runs in the page.
    pub(in crate::agent) fn of_page(call_id: String, tool: &ClientTool, arguments: Value) -> Self {
        let definition = tool.to_json();
        Self {
            call_id,
            source: "client".to_owned(),
            tool: tool.name().to_owned(),
            definition_digest: definition_digest(&definition),
            definition: Some(definition),
            arguments,
            expires_in_s: PAGE_TIMEOUT_S.into(),
            asked: None,
        }
    }

    /// A call that a person is asked about.
    pub(in crate::agent) fn of_person(
        call_id: String,
        tool: &OfferedTool,
        arguments: Value,
        question: Question,
    ) -> Self {
        let described = tool.tool();
        Self {
            call_id,
            source: tool.source.label().to_owned(),
            tool: tool.name.clone(),
            definition: None,
            definition_digest: tool.digest().to_owned(),
            arguments,
            expires_in_s: question.ttl.as_secs(),
            asked: Some(Asked {
                id: question.id,
                source_tool: described.name.clone(),
                title: described.title.clone(),
                target: described.target.clone(),
                policy: question.policy,
                policy_reason: described.reason.clone(),
                redact: described.redact.clone(),
                arguments_digest: question.arguments_digest,
                is_repeatable: described.is_repeatable,
                may_edit: described.may_edit,
                may_remember: described.may_remember,
                seal: question.seal,
            }),
        }
    }
}
