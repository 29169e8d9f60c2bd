//! The wire format of a Chat Completions response, parsed as leniently as compatible servers require.

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::lenient;

/// A chunk of a stream, or a complete response.
#[derive(Deserialize)]
pub(crate) struct Chunk<'a> {
    #[serde(borrow, default, deserialize_with = "lenient::list")]
    pub choices: Option<Vec<Choice<'a>>>,
    pub usage: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "lenient::readable")]
    pub x_groq: Option<Groq<'a>>,
    pub error: Option<&'a RawValue>,
    /// Older servers report errors without a wrapper.
    #[serde(default, deserialize_with = "lenient::string")]
    pub message: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct Groq<'a> {
    #[serde(borrow)]
    pub usage: Option<&'a RawValue>,
}

#[derive(Deserialize)]
pub(crate) struct Choice<'a> {
    #[serde(default, deserialize_with = "lenient::index")]
    pub index: Option<usize>,
    #[serde(borrow, default, deserialize_with = "lenient::readable")]
    pub delta: Option<Delta<'a>>,
    /// The counterpart of `delta` in a complete response.
    #[serde(borrow, default, deserialize_with = "lenient::readable")]
    pub message: Option<Delta<'a>>,
    #[serde(default, deserialize_with = "lenient::string")]
    pub finish_reason: Option<String>,
}

#[derive(Default, Deserialize)]
pub(crate) struct Delta<'a> {
    #[serde(default, deserialize_with = "delta_content")]
    pub content: DeltaContent,
    #[serde(default, deserialize_with = "lenient::string")]
    pub reasoning_content: Option<String>,
    #[serde(default, deserialize_with = "lenient::string")]
    pub reasoning: Option<String>,
    #[serde(default, deserialize_with = "lenient::string")]
    pub refusal: Option<String>,
    #[serde(borrow, default, deserialize_with = "lenient::list")]
    pub tool_calls: Option<Vec<CallDelta<'a>>>,
    /// The legacy form of `tool_calls`.
    #[serde(default, deserialize_with = "lenient::readable")]
    pub function_call: Option<FunctionDelta>,
}

/// A fragment of a tool call. Only the first fragment contains its name.
#[derive(Default, Deserialize)]
pub(crate) struct CallDelta<'a> {
    #[serde(default, deserialize_with = "lenient::index")]
    pub index: Option<usize>,
    #[serde(default, deserialize_with = "lenient::string")]
    pub id: Option<String>,
    #[serde(default, deserialize_with = "lenient::readable")]
    pub function: Option<FunctionDelta>,
    /// Contains Gemini's thought signature, which must be sent back.
    #[serde(borrow)]
    pub extra_content: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
pub(crate) struct FunctionDelta {
    #[serde(default, deserialize_with = "lenient::string")]
    pub name: Option<String>,
    #[serde(default, deserialize_with = "lenient::json_text")]
    pub arguments: String,
}

/// The content of a delta: text, and reasoning where content comes in parts.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct DeltaContent {
    pub text: String,
    pub thinking: String,
}

impl From<String> for DeltaContent {
    fn from(text: String) -> Self {
        Self { text, thinking: String::new() }
    }
}

fn delta_content<'de, D: serde::Deserializer<'de>>(from: D) -> Result<DeltaContent, D::Error> {
    lenient::text_or(from, |parts| {
        let mut content = DeltaContent::default();
        for part in parts.as_array().into_iter().flatten() {
            collect(&part["text"], &mut content.text);
            collect(&part["thinking"], &mut content.thinking);
        }
        content
    })
}

/// Mistral's reasoning is itself a list of parts.
fn collect(part: &Value, into: &mut String) {
    match part {
        Value::String(text) => into.push_str(text),
        Value::Array(parts) => parts.iter().for_each(|part| collect(&part["text"], into)),
        _ => {}
    }
}
