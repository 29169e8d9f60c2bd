//! The types of requests and responses about tools that run in the page.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::http::extract::present;

/// Tools that the model may call.
#[derive(ToSchema)]
#[serde(untagged)]
#[allow(dead_code, missing_docs, reason = "the schema of what is read in parts")]
pub enum Tools {
    List(Vec<ToolEntry>),
    Map(BTreeMap<String, ClientToolDefinition>),
}

/// The name of a tool of this server, or the definition of one that runs in the page.
#[derive(ToSchema)]
#[serde(untagged)]
#[allow(dead_code, missing_docs, reason = "the schema of what is read in parts")]
pub enum ToolEntry {
    Name(String),
    Definition(ClientToolDefinition),
}

/// A tool that runs in the page.
#[derive(ToSchema)]
#[allow(dead_code, reason = "the schema of what is read in parts")]
pub struct ClientToolDefinition {
    /// Name by which the model calls it. Not needed in a map, whose key it is.
    #[schema(pattern = "^[a-zA-Z][a-zA-Z0-9_]{0,47}$")]
    pub name: Option<String>,
    /// What it does, for the model: the first 1,024 characters.
    pub description: Option<String>,
    /// JSON Schema of its arguments, an object. `inputSchema` is taken as well.
    pub parameters: Value,
}

/// A decision about a call (`approved`), or the result of a tool that runs in the page (`output` or `error`),
/// and how the answer is to go on.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({"output": {"latitude": 52.5, "longitude": 13.4}}))]
pub struct ToolCallResult {
    /// What the tool has returned: any JSON of at most 64 KiB.
    #[serde(default, deserialize_with = "present")]
    pub output: Option<Value>,
    /// Why the tool has failed, a sentence for the model.
    pub error: Option<String>,
    /// Whether the call may be made.
    pub approved: Option<bool>,
    /// Why, in your words: the model reads the first 1,000 characters.
    pub reason: Option<String>,
    /// Arguments in the place of the model's, where the tool allows it.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<std::collections::HashMap<String, Value>>)]
    pub arguments: Option<Value>,
    /// `chat`: do not ask about this tool again in this chat, where the tool allows it.
    #[schema(value_type = Option<Remember>)]
    pub remember: Option<Value>,
    /// The `digest` of the arguments that were shown: if they are others by now, the decision is refused.
    pub digest: Option<String>,
    /// Whether to stream the rest of the answer. Defaults to true.
    pub stream: Option<bool>,
    /// Model to use. Defaults to the answer's.
    pub model: Option<String>,
    /// System prompt, which replaces the chat's.
    #[schema(max_length = 100000)]
    pub system: Option<String>,
    /// What the model may call from here on, as for a question. Tools of the page that the answer has
    /// called already can be called again in any case.
    #[schema(value_type = Option<Tools>)]
    pub tools: Option<Value>,
    /// Tools that run in the page, in addition to `tools`.
    #[schema(value_type = Option<Vec<ClientToolDefinition>>, max_items = 16)]
    pub client_tools: Option<Value>,
    /// `ai-sdk`: the client takes the frames of approvals of version 6 of the AI SDK.
    pub approvals: Option<String>,
    /// What the client takes beyond the first release of the AI SDK's version 5.
    pub capabilities: Option<Vec<String>>,
}

/// For how long a tool is allowed.
#[derive(ToSchema)]
#[serde(rename_all = "lowercase")]
#[allow(dead_code, missing_docs, reason = "the schema of what is read by hand")]
pub enum Remember {
    Chat,
}

/// How a tool call stands whose answer waits for others.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub struct ToolCallState {
    /// `approved`, `denied`, `done` or `failed`.
    #[schema(example = "done")]
    pub state: String,
    /// Number of calls of the answer that still wait.
    pub remaining: u64,
}
