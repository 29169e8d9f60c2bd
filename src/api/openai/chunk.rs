//! The chunks of a streamed completion.

use serde::Serialize;
use utoipa::ToSchema;

use super::model::CompletionUsage;

/// A chunk of a streamed completion: the `data` of one event. `[DONE]` follows the last one.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ChatCompletionChunk)]
pub struct Chunk<'a> {
    /// ID of the answer, the same in all chunks.
    #[schema(example = "chatcmpl-0199f0c27c1e7d53b3ac4a2c5a1f0e6b")]
    pub id: &'a str,
    /// Always `chat.completion.chunk`.
    #[schema(example = "chat.completion.chunk")]
    pub object: &'static str,
    /// When the answer was begun, in Unix time.
    #[schema(example = 1_790_000_000)]
    pub created: i64,
    /// Model that generates the answer.
    #[schema(example = "scripted/demo")]
    pub model: &'a str,
    /// What is new, once; none in the chunk with the usage.
    pub choices: Vec<ChunkChoice<'a>>,
    /// Token usage, in a last chunk where the request asks for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<CompletionUsage>,
}

/// What is new.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ChatCompletionChunkChoice)]
pub struct ChunkChoice<'a> {
    /// Always 0.
    #[schema(example = 0)]
    pub index: u32,
    /// More of the message.
    pub delta: Delta<'a>,
    /// Why the model stopped; null before the last chunk.
    #[schema(required = true)]
    pub finish_reason: Option<&'static str>,
}

/// More of a message.
#[derive(Debug, Default, Serialize, ToSchema)]
#[schema(as = ChatCompletionDelta)]
pub struct Delta<'a> {
    /// `assistant`, in the first chunk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<&'static str>,
    /// More of the text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<&'a str>,
    /// More of the reasoning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning_content: Option<&'a str>,
    /// More of a call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_calls: Option<[CallDelta<'a>; 1]>,
}

/// More of a call; `id`, `type` and `name` come first and once.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ChatCompletionToolCallDelta)]
pub struct CallDelta<'a> {
    /// Index of the call among those of the message.
    pub index: usize,
    /// ID of the call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<&'a str>,
    /// `function`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub r#type: Option<&'static str>,
    /// The function that is called.
    pub function: FunctionDelta<'a>,
}

/// A function's name, or more of its arguments.
#[derive(Debug, Serialize, ToSchema)]
pub struct FunctionDelta<'a> {
    /// Name of the function.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<&'a str>,
    /// More of the arguments, JSON text.
    pub arguments: &'a str,
}
