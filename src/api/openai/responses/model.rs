//! The requests and responses of `/v1/responses`, with OpenAI's own names.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::api::ai::model::Effort;
use crate::http::extract::optional_object;
use crate::providers::ReasoningEffort;

/// Request for a response. Fields of OpenAI's API that are not listed are ignored.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({"model": "scripted/demo", "input": "Hello"}))]
pub struct ResponseRequest {
    /// A user message, or the items of the conversation: messages, `function_call` and
    /// `function_call_output`.
    pub input: ResponseInput,
    /// System prompt.
    pub instructions: Option<String>,
    /// Model to use. Defaults to the server's default model.
    #[schema(example = "scripted/demo", max_length = 200)]
    pub model: Option<String>,
    /// Whether to stream the answer.
    pub stream: Option<bool>,
    /// Functions that the model may call. Their calls end the answer; send the results as
    /// `function_call_output` items.
    #[schema(max_items = 128)]
    pub tools: Option<Vec<ResponseTool>>,
    /// `none`, `auto`, `required`, or `{"type": "function", "name": "…"}`.
    pub tool_choice: Option<ResponseToolChoice>,
    /// Whether the model may make several calls at once.
    pub parallel_tool_calls: Option<bool>,
    /// Sampling temperature. Not supported by every model.
    #[schema(minimum = 0, maximum = 2)]
    pub temperature: Option<f64>,
    /// Probability mass for nucleus sampling. Not supported by every model.
    #[schema(minimum = 0, maximum = 1)]
    pub top_p: Option<f64>,
    /// Maximum number of output tokens, including reasoning tokens.
    #[schema(minimum = 1)]
    pub max_output_tokens: Option<u32>,
    /// How much the model should reason.
    #[serde(default, deserialize_with = "optional_object")]
    pub reasoning: Option<ResponseReasoning>,
    /// Format of the answer.
    #[serde(default, deserialize_with = "optional_object")]
    pub text: Option<ResponseText>,
    /// Refused: responses are not stored.
    #[schema(value_type = Option<String>)]
    pub previous_response_id: Option<Value>,
    /// Refused: conversations are not stored.
    #[schema(value_type = Option<Object>)]
    pub conversation: Option<Value>,
    /// Refused if true: an answer ends with its request.
    pub background: Option<bool>,
}

/// The conversation.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(untagged, expecting = "must be a string or an array of items")]
pub enum ResponseInput {
    /// A user message.
    Text(String),
    /// Its items.
    Items(Vec<Value>),
}

/// How much to reason.
#[derive(Debug, Deserialize, ToSchema)]
pub struct ResponseReasoning {
    /// Reasoning effort, for models that support it.
    #[schema(value_type = Option<Effort>)]
    pub effort: Option<ReasoningEffort>,
}

/// The format of an answer.
#[derive(Debug, Deserialize, ToSchema)]
pub struct ResponseText {
    /// The format.
    pub format: Option<TextFormat>,
}

/// A format of text.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
#[schema(as = ResponseTextFormat)]
pub enum TextFormat {
    /// Plain text.
    Text,
    /// A JSON object.
    JsonObject,
    /// JSON that conforms to a schema.
    JsonSchema {
        /// Name of the schema: letters, digits, `_` and `-`, at most 64.
        name: String,
        /// The schema.
        #[schema(value_type = Object)]
        schema: Map<String, Value>,
        /// Whether the provider must enforce the schema.
        strict: Option<bool>,
    },
}

/// A function that the model may call.
#[derive(Debug, Deserialize, ToSchema)]
pub struct ResponseTool {
    /// `function`.
    #[schema(example = "function")]
    pub r#type: String,
    /// Name of the function: letters, digits, `_` and `-`, at most 64.
    pub name: Option<String>,
    /// What it does, for the model.
    pub description: Option<String>,
    /// JSON Schema of its arguments. Without one it has none.
    #[schema(value_type = Option<Object>)]
    pub parameters: Option<Map<String, Value>>,
}

/// Whether the model may or must call functions.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(untagged, expecting = "must be none, auto, required or a function")]
pub enum ResponseToolChoice {
    /// `none`, `auto` or `required`.
    Word(String),
    /// This function.
    Function {
        /// Its name.
        name: String,
    },
}

/// A response.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct Response {
    /// ID of the response.
    #[schema(example = "resp_0199f0c27c1e7d53b3ac4a2c5a1f0e6b")]
    pub id: String,
    /// Always `response`.
    #[schema(example = "response")]
    pub object: String,
    /// When the answer was begun, in Unix time.
    #[schema(example = 1_790_000_000)]
    pub created_at: i64,
    /// `in_progress`, `completed`, `incomplete` or `failed`.
    #[schema(example = "completed")]
    pub status: String,
    /// Model that generated the answer.
    #[schema(example = "scripted/demo")]
    pub model: String,
    /// The items of the answer: `message`, `reasoning` and `function_call`.
    #[schema(value_type = Vec<Object>)]
    pub output: Vec<Value>,
    /// Token usage; null before the end.
    #[schema(required = true)]
    pub usage: Option<ResponseUsage>,
    /// What went wrong, with `code` and `message`; null if nothing did.
    #[schema(required = true, value_type = Option<Object>)]
    pub error: Option<Value>,
    /// Why the answer is incomplete, with `reason`; null if it is not.
    #[schema(required = true, value_type = Option<Object>)]
    pub incomplete_details: Option<Value>,
    /// Whether the model may make several calls at once.
    pub parallel_tool_calls: bool,
    /// Always `auto`: the request knows better.
    #[schema(example = "auto")]
    pub tool_choice: String,
    /// Always empty: the request knows better.
    #[schema(value_type = Vec<Object>)]
    pub tools: Vec<Value>,
}

/// Token usage.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, ToSchema)]
pub struct ResponseUsage {
    /// Tokens of the input, cached tokens included.
    #[schema(example = 412)]
    pub input_tokens: u64,
    /// What the input tokens include.
    pub input_tokens_details: InputTokensDetails,
    /// Tokens of the output, reasoning included.
    #[schema(example = 96)]
    pub output_tokens: u64,
    /// What the output tokens include.
    pub output_tokens_details: OutputTokensDetails,
    /// Input and output together.
    #[schema(example = 508)]
    pub total_tokens: u64,
}

/// What input tokens include.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, ToSchema)]
pub struct InputTokensDetails {
    /// Tokens read from the provider's cache.
    pub cached_tokens: u64,
}

/// What output tokens include.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, ToSchema)]
pub struct OutputTokensDetails {
    /// Tokens used for reasoning.
    pub reasoning_tokens: u64,
}

/// An event of a streamed response: the `data` of one server-sent event, whose name is its `type`.
#[derive(Debug, Serialize, ToSchema)]
pub struct ResponseEvent {
    /// `response.created`, `response.output_text.delta`, `response.completed` and others of OpenAI's API.
    #[schema(example = "response.output_text.delta")]
    pub r#type: &'static str,
    /// Position in the stream, from 0.
    #[schema(example = 4)]
    pub sequence_number: u64,
    /// What the type implies: `response`, `item`, `delta`…
    #[serde(flatten)]
    #[schema(value_type = Object)]
    pub members: Value,
}
