//! The requests and responses of `/v1`, with OpenAI's own names.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::api::ai::model::{AnswerFormat, Effort, PlainContent, Stop};
use crate::http::extract::{object, optional_object};
use crate::providers::ReasoningEffort;

/// The models that answer.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[schema(as = OpenAiModelList)]
pub struct ModelList {
    /// Always `list`.
    #[schema(example = "list")]
    pub object: String,
    /// The models.
    pub data: Vec<OpenAiModel>,
}

/// A model.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub struct OpenAiModel {
    /// ID of the model, for the `model` field of requests.
    #[schema(example = "scripted/demo")]
    pub id: String,
    /// Always `model`.
    #[schema(example = "model")]
    pub object: String,
    /// Always 0: the date is unknown.
    #[schema(example = 0)]
    pub created: u64,
    /// Provider of the model.
    #[schema(example = "scripted")]
    pub owned_by: String,
}

/// Request for a chat completion. Fields of OpenAI's API that are not listed are ignored.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({"model": "scripted/demo", "messages": [{"role": "user", "content": "Hello"}]}))]
pub struct ChatCompletionRequest {
    /// Messages of the conversation.
    #[schema(min_items = 1, max_items = 2000)]
    pub messages: Vec<ChatMessage>,
    /// Model to use. Defaults to the server's default model.
    #[schema(example = "scripted/demo", max_length = 200)]
    pub model: Option<String>,
    /// Whether to stream the answer.
    pub stream: Option<bool>,
    /// Options of the stream.
    #[serde(default, deserialize_with = "optional_object")]
    pub stream_options: Option<StreamOptions>,
    /// Functions that the model may call. Their calls end the answer; send the results as `tool`
    /// messages.
    #[schema(max_items = 128)]
    pub tools: Option<Vec<ChatTool>>,
    /// `none`, `auto`, `required`, or `{"type": "function", "function": {"name": "…"}}`.
    pub tool_choice: Option<ToolChoiceOption>,
    /// Whether the model may make several calls at once.
    pub parallel_tool_calls: Option<bool>,
    /// Format of the answer.
    #[serde(default, deserialize_with = "optional_object")]
    pub response_format: Option<AnswerFormat>,
    /// Sampling temperature. Not supported by every model.
    #[schema(minimum = 0, maximum = 2)]
    pub temperature: Option<f64>,
    /// Probability mass for nucleus sampling. Not supported by every model.
    #[schema(minimum = 0, maximum = 1)]
    pub top_p: Option<f64>,
    /// Maximum number of output tokens, including reasoning tokens.
    #[schema(minimum = 1)]
    pub max_completion_tokens: Option<u32>,
    /// The older name of `max_completion_tokens`.
    #[schema(minimum = 1)]
    pub max_tokens: Option<u32>,
    /// At most four sequences at which the model stops.
    pub stop: Option<Stop>,
    /// Number of answers: 1.
    #[schema(minimum = 1, maximum = 1)]
    pub n: Option<u32>,
    /// Reasoning effort, for models that support it.
    #[schema(value_type = Option<Effort>)]
    pub reasoning_effort: Option<ReasoningEffort>,
}

/// Options of a stream.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = ChatCompletionStreamOptions)]
pub struct StreamOptions {
    /// Whether one more chunk, without choices, has the token usage.
    pub include_usage: Option<bool>,
}

/// A message of the conversation.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = ChatCompletionMessage)]
pub struct ChatMessage {
    /// Author of the message.
    pub role: ChatRole,
    /// Content: a string, or parts (`text`, and in user messages also `image_url` with a data URL, and
    /// `file` with `file_data` or the `file_id` of an uploaded file).
    pub content: Option<PlainContent>,
    /// Calls that the model made (assistant only).
    pub tool_calls: Option<Vec<ToolCall>>,
    /// The call that this is the result of (tool only).
    pub tool_call_id: Option<String>,
}

/// The author of a message.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = ChatCompletionRole)]
#[allow(missing_docs)]
pub enum ChatRole {
    System,
    Developer,
    User,
    Assistant,
    Tool,
}

/// A call that the model made.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[schema(as = ChatCompletionToolCall)]
pub struct ToolCall {
    /// ID of the call.
    #[schema(example = "call_1")]
    pub id: String,
    /// Always `function`.
    #[serde(default = "function")]
    #[schema(example = "function")]
    pub r#type: String,
    /// The function that is called.
    #[serde(deserialize_with = "object")]
    pub function: FunctionCall,
}

/// A function with arguments.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct FunctionCall {
    /// Name of the function.
    #[schema(example = "get_weather")]
    pub name: String,
    /// Arguments as JSON text.
    #[schema(example = "{\"city\":\"Oslo\"}")]
    pub arguments: String,
}

fn function() -> String {
    "function".to_owned()
}

/// A function that the model may call.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = ChatCompletionTool)]
pub struct ChatTool {
    /// `function`.
    #[serde(default = "function")]
    #[schema(example = "function")]
    pub r#type: String,
    /// The function.
    #[serde(default, deserialize_with = "optional_object")]
    pub function: Option<FunctionDefinition>,
}

/// The definition of a function.
#[derive(Debug, Deserialize, ToSchema)]
pub struct FunctionDefinition {
    /// Name of the function: letters, digits, `_` and `-`, at most 64.
    #[schema(pattern = "^[A-Za-z0-9_-]{1,64}$")]
    pub name: String,
    /// What it does, for the model.
    pub description: Option<String>,
    /// JSON Schema of its arguments. Without one it has none.
    #[schema(value_type = Option<Object>)]
    pub parameters: Option<Map<String, Value>>,
}

/// Whether the model may or must call functions.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(untagged, expecting = "must be none, auto, required or a function")]
#[schema(as = ChatCompletionToolChoice)]
pub enum ToolChoiceOption {
    /// `none`, `auto` or `required`.
    Word(String),
    /// This function.
    Function {
        /// The function.
        function: FunctionName,
    },
}

/// The name of a function.
#[derive(Debug, Deserialize, ToSchema)]
pub struct FunctionName {
    /// The name.
    pub name: String,
}

/// A chat completion.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub struct ChatCompletion {
    /// ID of the answer.
    #[schema(example = "chatcmpl-0199f0c27c1e7d53b3ac4a2c5a1f0e6b")]
    pub id: String,
    /// Always `chat.completion`.
    #[schema(example = "chat.completion")]
    pub object: String,
    /// When the answer was begun, in Unix time.
    #[schema(example = 1_790_000_000)]
    pub created: i64,
    /// Model that generated the answer.
    #[schema(example = "scripted/demo")]
    pub model: String,
    /// The answer; always one.
    pub choices: Vec<Choice>,
    /// Token usage of the answer.
    pub usage: CompletionUsage,
}

/// The answer.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[schema(as = ChatCompletionChoice)]
pub struct Choice {
    /// Always 0.
    #[schema(example = 0)]
    pub index: u32,
    /// The message.
    pub message: AssistantMessage,
    /// Why the model stopped: `stop`, `length`, `tool_calls` or `content_filter`.
    #[schema(example = "stop")]
    pub finish_reason: String,
    /// Always null.
    #[schema(required = true, value_type = Option<Object>)]
    pub logprobs: Option<()>,
}

/// The message of an answer.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[schema(as = ChatCompletionAnswer)]
pub struct AssistantMessage {
    /// Always `assistant`.
    #[schema(example = "assistant")]
    pub role: String,
    /// Text of the answer; null if there is none.
    #[schema(required = true)]
    pub content: Option<String>,
    /// Always null: what a model refuses with is its content.
    #[schema(required = true, value_type = Option<String>)]
    pub refusal: Option<()>,
    /// Reasoning of the model, if it shows any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning_content: Option<String>,
    /// Calls for the caller to run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_calls: Option<Vec<ToolCall>>,
}

/// Token usage.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, ToSchema)]
pub struct CompletionUsage {
    /// Tokens of the input, cached tokens included.
    #[schema(example = 412)]
    pub prompt_tokens: u64,
    /// Tokens of the output, reasoning included.
    #[schema(example = 96)]
    pub completion_tokens: u64,
    /// Input and output together.
    #[schema(example = 508)]
    pub total_tokens: u64,
    /// What the input tokens include.
    pub prompt_tokens_details: PromptTokensDetails,
    /// What the output tokens include.
    pub completion_tokens_details: CompletionTokensDetails,
}

/// What input tokens include.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, ToSchema)]
pub struct PromptTokensDetails {
    /// Tokens read from the provider's cache.
    pub cached_tokens: u64,
}

/// What output tokens include.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, ToSchema)]
pub struct CompletionTokensDetails {
    /// Tokens used for reasoning.
    pub reasoning_tokens: u64,
}
