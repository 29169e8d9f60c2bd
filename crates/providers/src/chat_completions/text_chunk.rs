//! A chunk of a Chat Completions stream that holds a piece of text and nothing else, as nearly all do.
//!
//! It is read in one pass. A [`Chunk`](super::wire::Chunk) forgives whatever a compatible server gets wrong in
//! one of its fields, and for that reads the text once for each level of nesting.

use std::borrow::Cow;

use serde::Deserialize;

/// A field that is absent or null. With anything else in it, the chunk is no such one.
type Absent = ();

#[derive(Deserialize)]
struct TextChunk<'a> {
    #[serde(borrow)]
    choices: [Choice<'a>; 1],
    #[serde(default, rename = "usage")]
    _usage: Absent,
    #[serde(default, rename = "x_groq")]
    _x_groq: Absent,
    #[serde(default, rename = "error")]
    _error: Absent,
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(default)]
    index: u64,
    #[serde(borrow)]
    delta: Pieces<'a>,
    #[serde(default, rename = "finish_reason")]
    _finish_reason: Absent,
}

/// What such a chunk brings.
#[derive(Default, Deserialize)]
pub(super) struct Pieces<'a> {
    #[serde(borrow)]
    pub content: Option<Piece<'a>>,
    #[serde(borrow)]
    pub reasoning_content: Option<Piece<'a>>,
    #[serde(default, rename = "reasoning")]
    _reasoning: Absent,
    #[serde(default, rename = "refusal")]
    _refusal: Absent,
    #[serde(default, rename = "tool_calls")]
    _tool_calls: Absent,
    #[serde(default, rename = "function_call")]
    _function_call: Absent,
}

/// A piece of text: as it is in the chunk, unless something in it is escaped.
#[derive(Deserialize)]
pub(super) struct Piece<'a>(#[serde(borrow)] pub Cow<'a, str>);

/// Reads the chunks of one answer. From one to the next, mostly nothing but the text changes: then what is
/// before and after it need not be parsed again.
#[derive(Debug, Default)]
pub(super) struct Reader {
    before: String,
    after: String,
}

impl Reader {
    /// What a chunk brings; none if it holds, or may hold, more than text.
    pub fn read<'a>(&mut self, json: &'a str) -> Option<Pieces<'a>> {
        if let Some(text) = self.only_change(json) {
            let content = Some(Piece(Cow::Borrowed(text)));
            return Some(Pieces { content, ..Pieces::default() });
        }
        let chunk: TextChunk<'a> = serde_json::from_str(json).ok()?;
        let [Choice { index: 0, delta, .. }] = chunk.choices else { return None };
        if let Pieces {
            content: Some(Piece(Cow::Borrowed(text))), reasoning_content: None, ..
        } = delta
        {
            self.remember(json, text);
        }
        Some(delta)
    }

    /// The text of a chunk that is like the last one in everything else.
    fn only_change<'a>(&self, json: &'a str) -> Option<&'a str> {
        let text = json.strip_prefix(&*self.before)?.strip_suffix(&*self.after)?;
        let is_plain = |byte| byte >= b' ' && byte != b'"' && byte != b'\\';
        (!self.before.is_empty() && text.bytes().all(is_plain)).then_some(text)
    }

    fn remember(&mut self, json: &str, text: &str) {
        let start = text.as_ptr().addr() - json.as_ptr().addr();
        let (before, rest) = json.split_at(start);
        before.clone_into(&mut self.before);
        rest[text.len()..].clone_into(&mut self.after);
    }
}
