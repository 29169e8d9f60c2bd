//! The events of a stream, as the API's document describes them. What writes them is
//! `agent/message/ui_stream`; a test holds the two together.

use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

/// An event of an answer's stream: the `data` of a server-sent event, in the AI SDK's UI message stream
/// protocol. The last event is followed by `data: [DONE]`. Ignore types that you do not know.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "kebab-case", deny_unknown_fields)]
pub enum StreamEvent {
    /// The answer begins.
    #[serde(rename_all = "camelCase")]
    Start {
        /// ID of the answer, a message of the chat.
        message_id: Uuid,
        /// Model, provider and time, as far as they are known.
        #[serde(default)]
        message_metadata: Map<String, Value>,
    },
    /// A call of the model begins.
    StartStep,
    /// A call of the model has ended.
    FinishStep,
    /// A text begins.
    TextStart {
        /// ID of the text within the answer.
        id: String,
    },
    /// A piece of text.
    TextDelta {
        /// ID of the text.
        id: String,
        /// The text that follows.
        delta: String,
    },
    /// A text has ended.
    #[serde(rename_all = "camelCase")]
    TextEnd {
        /// ID of the text.
        id: String,
        /// What it cites: by the provider's name `citations` or `annotations`, as the provider has them.
        #[schema(required = false, value_type = Object)]
        provider_metadata: Option<Map<String, Value>>,
    },
    /// Reasoning begins.
    ReasoningStart {
        /// ID of the reasoning within the answer.
        id: String,
    },
    /// A piece of reasoning.
    ReasoningDelta {
        /// ID of the reasoning.
        id: String,
        /// The text that follows.
        delta: String,
    },
    /// Reasoning has ended.
    ReasoningEnd {
        /// ID of the reasoning.
        id: String,
    },
    /// The model calls a tool.
    #[serde(rename_all = "camelCase")]
    ToolInputStart {
        /// ID of the call.
        tool_call_id: String,
        /// Name of the tool.
        tool_name: String,
        /// Whether the provider runs the tool; absent for others.
        #[schema(required = false, value_type = bool)]
        provider_executed: Option<bool>,
    },
    /// A piece of the arguments' JSON text.
    #[serde(rename_all = "camelCase")]
    ToolInputDelta {
        /// ID of the call.
        tool_call_id: String,
        /// The text that follows.
        input_text_delta: String,
    },
    /// The arguments of a call are complete.
    #[serde(rename_all = "camelCase")]
    ToolInputAvailable {
        /// ID of the call.
        tool_call_id: String,
        /// Name of the tool.
        tool_name: String,
        /// The arguments.
        input: Value,
        /// Whether the provider runs the tool; absent for others.
        #[schema(required = false, value_type = bool)]
        provider_executed: Option<bool>,
    },
    /// A tool has returned.
    #[serde(rename_all = "camelCase")]
    ToolOutputAvailable {
        /// ID of the call.
        tool_call_id: String,
        /// The result.
        output: Value,
        /// Whether the provider runs the tool; absent for others.
        #[schema(required = false, value_type = bool)]
        provider_executed: Option<bool>,
    },
    /// A tool has failed.
    #[serde(rename_all = "camelCase")]
    ToolOutputError {
        /// ID of the call.
        tool_call_id: String,
        /// Why, in a sentence.
        error_text: String,
        /// Whether the provider runs the tool; absent for others.
        #[schema(required = false, value_type = bool)]
        provider_executed: Option<bool>,
    },
    /// A person has denied a call; only for clients with `approvals: "ai-sdk"`, others get `tool-output-error`.
    #[serde(rename_all = "camelCase")]
    ToolOutputDenied {
        /// ID of the call.
        tool_call_id: String,
    },
    /// A call waits for a person's decision; only for clients with `approvals: "ai-sdk"`, others get
    /// `data-approval`.
    #[serde(rename_all = "camelCase")]
    ToolApprovalRequest {
        /// ID by which it is decided.
        approval_id: String,
        /// ID of the call.
        tool_call_id: String,
    },
    /// A call waits for a person's decision.
    #[serde(rename = "data-approval")]
    Approval {
        /// ID by which it is decided.
        id: String,
        /// What the person is asked.
        data: ApprovalRequest,
    },
    /// A file that belongs to the answer.
    #[serde(rename_all = "camelCase")]
    File {
        /// Where it can be loaded from.
        url: String,
        /// Its media type.
        media_type: String,
    },
    /// A page that the answer refers to.
    #[serde(rename_all = "camelCase")]
    SourceUrl {
        /// ID of the source within the answer.
        source_id: String,
        /// Its address.
        url: String,
        /// Its title.
        #[schema(required = false, value_type = String)]
        title: Option<String>,
    },
    /// A document that the answer refers to.
    #[serde(rename_all = "camelCase")]
    SourceDocument {
        /// ID of the source within the answer.
        source_id: String,
        /// Its media type.
        media_type: String,
        /// Its title.
        title: String,
        /// The name of its file.
        #[schema(required = false, value_type = String)]
        filename: Option<String>,
        /// Where in the document, under `chat-backend`: `fileId`, and `page` or `firstLine` and `lastLine`.
        #[schema(required = false, value_type = Object)]
        provider_metadata: Option<Map<String, Value>>,
    },
    /// Metadata that has become known.
    #[serde(rename_all = "camelCase")]
    MessageMetadata {
        /// To be merged into the answer's.
        message_metadata: Map<String, Value>,
    },
    /// The chat has a new title.
    #[serde(rename = "data-chat-title")]
    ChatTitle {
        /// The title.
        data: ChatTitle,
        /// It is not part of the answer.
        transient: bool,
    },
    /// How far a running tool call is.
    #[serde(rename = "data-tool-progress")]
    ToolProgress {
        /// How far it is.
        data: ToolProgress,
        /// It is not part of the answer.
        transient: bool,
    },
    /// What went wrong, as the body of an error response.
    #[serde(rename = "data-error")]
    Problem {
        /// The problem.
        #[schema(value_type = crate::http::error::Problem)]
        data: Value,
        /// It is not part of the answer.
        transient: bool,
    },
    /// The answer is complete and stored.
    #[serde(rename_all = "camelCase")]
    Finish {
        /// Usage, cost and the reason for the end.
        #[serde(default)]
        message_metadata: Map<String, Value>,
        /// Why the model stopped; only for clients whose `capabilities` name `finish-reason`.
        #[schema(required = false, value_type = String)]
        finish_reason: Option<String>,
    },
    /// The answer was stopped. What there is of it is stored.
    Abort,
    /// The answer failed. What there is of it is stored.
    #[serde(rename_all = "camelCase")]
    Error {
        /// Why, in a sentence.
        error_text: String,
    },
}

/// How far a running tool call is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ToolProgress {
    /// ID of the call.
    pub tool_call_id: String,
    /// What has been done, in units of the tool's own.
    pub progress: f64,
    /// What there is to do.
    pub total: Option<f64>,
    /// A short text.
    pub message: Option<String>,
}

/// What a person is asked before a tool is run.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ApprovalRequest {
    /// ID by which it is decided.
    pub approval_id: String,
    /// ID of the call.
    pub tool_call_id: String,
    /// Name of the tool.
    pub tool_name: String,
    /// Its title.
    #[schema(required = false, value_type = String)]
    pub title: Option<String>,
    /// The arguments with which it would run.
    pub input: Value,
    /// Until when it can be decided.
    #[schema(format = DateTime)]
    pub expires_at: String,
    /// Why the person is asked.
    #[schema(required = false, value_type = String)]
    pub reason: Option<String>,
    /// Where the tool runs: a host name.
    #[schema(required = false, value_type = String)]
    pub target: Option<String>,
    /// Digest of the arguments: send it with the decision to be sure that nothing else is run.
    pub digest: String,
    /// Whether the arguments may be changed.
    pub may_edit: bool,
    /// Whether the tool can be allowed for the rest of the chat.
    pub may_remember: bool,
}

/// The title of a chat.
#[derive(Debug, Deserialize, ToSchema)]
pub struct ChatTitle {
    /// The title.
    pub title: String,
}
