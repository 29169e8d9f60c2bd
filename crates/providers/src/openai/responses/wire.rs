//! The wire format of a response of the Responses API. Events are dispatched on `type`, so the frames
//! need no `event:` lines.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::lenient;

/// An event of a stream, or a complete response. `type` determines which fields are present.
#[derive(Deserialize)]
pub(crate) struct Frame<'a> {
    #[serde(rename = "type", borrow, default)]
    pub kind: Cow<'a, str>,
    #[serde(default, deserialize_with = "lenient::index")]
    pub output_index: Option<usize>,
    #[serde(default, deserialize_with = "lenient::index")]
    pub summary_index: Option<usize>,
    #[serde(default, deserialize_with = "lenient::index")]
    pub content_index: Option<usize>,
    #[serde(default, deserialize_with = "lenient::string")]
    pub delta: Option<String>,
    /// The complete content, of which the deltas are parts.
    #[serde(default, deserialize_with = "lenient::string")]
    pub text: Option<String>,
    #[serde(default, deserialize_with = "lenient::string")]
    pub refusal: Option<String>,
    pub item: Option<&'a RawValue>,
    pub annotation: Option<&'a RawValue>,
    pub response: Option<Response<'a>>,
    pub error: Option<&'a RawValue>,
    /// `response` in a whole response.
    #[serde(borrow)]
    pub object: Option<Cow<'a, str>>,
}

/// A finished response.
#[derive(Deserialize)]
pub(crate) struct Response<'a> {
    #[serde(default, deserialize_with = "lenient::string")]
    pub status: Option<String>,
    #[serde(default, deserialize_with = "lenient::readable")]
    pub incomplete_details: Option<Incomplete>,
    #[serde(borrow)]
    pub output: Option<Vec<&'a RawValue>>,
    pub usage: Option<&'a RawValue>,
    pub error: Option<&'a RawValue>,
}

#[derive(Deserialize)]
pub(crate) struct Incomplete {
    #[serde(default, deserialize_with = "lenient::string")]
    pub reason: Option<String>,
}

/// An item of the output. `type` determines which fields are present.
#[derive(Default, Deserialize)]
pub(super) struct Item<'a> {
    #[serde(rename = "type", borrow, default)]
    pub kind: Cow<'a, str>,
    #[serde(default, deserialize_with = "lenient::string")]
    pub id: Option<String>,
    #[serde(default, deserialize_with = "lenient::string")]
    pub status: Option<String>,
    /// What was searched or read.
    pub action: Option<&'a RawValue>,
    /// Links a call to its result; the item's own `id` does not.
    #[serde(default, deserialize_with = "lenient::string")]
    pub call_id: Option<String>,
    #[serde(default, deserialize_with = "lenient::string")]
    pub name: Option<String>,
    #[serde(default, deserialize_with = "lenient::string")]
    pub arguments: Option<String>,
    /// The phase of a message: commentary or the final answer.
    #[serde(default, deserialize_with = "lenient::string")]
    pub phase: Option<String>,
    #[serde(default, deserialize_with = "lenient::string")]
    pub encrypted_content: Option<String>,
    #[serde(default)]
    pub summary: Option<Vec<Part>>,
    #[serde(default)]
    pub content: Option<Vec<Part>>,
}

/// A part of a message or of reasoning.
#[derive(Deserialize)]
pub(super) struct Part {
    #[serde(default, deserialize_with = "lenient::string")]
    pub text: Option<String>,
    #[serde(default, deserialize_with = "lenient::string")]
    pub refusal: Option<String>,
    #[serde(default, deserialize_with = "lenient::readable")]
    pub annotations: Option<Vec<Box<RawValue>>>,
}
