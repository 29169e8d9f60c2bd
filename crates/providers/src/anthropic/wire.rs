//! The wire format of a Messages response. Events are dispatched on `type`, so the frames need no
//! `event:` lines.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::lenient;

/// An event of a stream, or a complete message. `type` determines which fields are present.
#[derive(Deserialize)]
pub(crate) struct Frame<'a> {
    #[serde(rename = "type", borrow, default)]
    pub kind: Cow<'a, str>,
    #[serde(default, deserialize_with = "lenient::index")]
    pub index: Option<usize>,
    pub message: Option<Message<'a>>,
    pub content_block: Option<&'a RawValue>,
    pub delta: Option<Delta>,
    pub usage: Option<&'a RawValue>,
    pub error: Option<&'a RawValue>,
    /// The blocks of a complete message.
    pub content: Option<Vec<&'a RawValue>>,
    #[serde(default, deserialize_with = "lenient::string")]
    pub stop_reason: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct Message<'a> {
    #[serde(borrow)]
    pub usage: Option<&'a RawValue>,
}

/// The delta of a block, or of the message.
#[derive(Deserialize)]
pub(crate) struct Delta {
    #[serde(default, deserialize_with = "lenient::string")]
    pub text: Option<String>,
    #[serde(default, deserialize_with = "lenient::string")]
    pub thinking: Option<String>,
    #[serde(default, deserialize_with = "lenient::string")]
    pub signature: Option<String>,
    #[serde(default, deserialize_with = "lenient::string")]
    pub partial_json: Option<String>,
    #[serde(default)]
    pub citation: Option<Box<RawValue>>,
    #[serde(default, deserialize_with = "lenient::string")]
    pub stop_reason: Option<String>,
}

/// The start of a block, or a complete block. `type` determines which fields are present.
#[derive(Default, Deserialize)]
pub(super) struct Block<'a> {
    #[serde(rename = "type", borrow, default)]
    pub kind: Cow<'a, str>,
    #[serde(default, deserialize_with = "lenient::string")]
    pub text: Option<String>,
    #[serde(default, deserialize_with = "lenient::string")]
    pub thinking: Option<String>,
    #[serde(default, deserialize_with = "lenient::string")]
    pub signature: Option<String>,
    #[serde(default, deserialize_with = "lenient::string")]
    pub id: Option<String>,
    #[serde(default, deserialize_with = "lenient::string")]
    pub name: Option<String>,
    pub input: Option<&'a RawValue>,
    #[serde(default, deserialize_with = "lenient::readable")]
    pub citations: Option<Vec<Box<RawValue>>>,
}
