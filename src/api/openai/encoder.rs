//! A completion as a stream of chunks.

use super::chunk::{CallDelta, Chunk, ChunkChoice, Delta, FunctionDelta};
use super::completion::{finish_reason, model, usage};
use crate::agent::{Answer, Block, Change, ChangeCursor, End, Status, ToolPart};
use crate::http::error::{ApiError, for_end};
use crate::http::event_stream::{Encoder, put};

/// Writes one answer as chunks.
pub(super) struct ChunkEncoder {
    cursor: ChangeCursor,
    chunks: Chunks,
}

struct Chunks {
    id: String,
    created: i64,
    includes_usage: bool,
    request_id: String,
    /// The ids of the calls so far.
    calls: Vec<String>,
}

impl ChunkEncoder {
    pub(super) fn new(id: String, created: i64, includes_usage: bool, request_id: String) -> Self {
        let chunks = Chunks { id, created, includes_usage, request_id, calls: Vec::new() };
        Self { cursor: ChangeCursor::default(), chunks }
    }
}

impl Encoder for ChunkEncoder {
    fn encode(&mut self, answer: &Answer, out: &mut Vec<u8>) {
        let chunks = &mut self.chunks;
        self.cursor.advance(answer, out, &mut |out, change| chunks.write(answer, change, out));
    }

    fn is_at_end(&self) -> bool {
        self.cursor.is_at_end()
    }
}

impl Chunks {
    fn write(&mut self, answer: &Answer, change: Change<'_>, out: &mut Vec<u8>) {
        let delta = match change {
            Change::Start => {
                Delta { role: Some("assistant"), content: Some(""), ..Delta::default() }
            }
            Change::BlockDelta(Block::Text, _, text) => {
                Delta { content: Some(text), ..Delta::default() }
            }
            Change::BlockDelta(Block::Reasoning, _, text) => {
                Delta { reasoning_content: Some(text), ..Delta::default() }
            }
            Change::CallStart(_, call) => {
                self.calls.push(call.id.clone());
                self.call(call, Some(&call.name), "")
            }
            Change::CallDelta(call, arguments) => self.call(call, None, arguments),
            // A call without arguments has an empty object all the same.
            Change::CallEnd(call) if call.arguments.is_empty() => self.call(call, None, "{}"),
            Change::End(end) => return self.end(answer, end, out),
            _ => return,
        };
        self.put(answer, delta, None, out);
    }

    fn call<'a>(&self, call: &'a ToolPart, name: Option<&'a str>, arguments: &'a str) -> Delta<'a> {
        let index = self.calls.iter().rposition(|id| *id == call.id).unwrap_or_default();
        let call = CallDelta {
            index,
            id: name.map(|_| call.id.as_str()),
            r#type: name.map(|_| "function"),
            function: FunctionDelta { name, arguments },
        };
        Delta { tool_calls: Some([call]), ..Delta::default() }
    }

    fn end(&self, answer: &Answer, end: &End, out: &mut Vec<u8>) {
        if end.status != Status::Complete {
            // Nothing follows: clients would take a last chunk for the end of a whole answer.
            let error: ApiError = for_end(end);
            error.log(&self.request_id);
            out.extend_from_slice(format!("data: {}\n\n", error.to_openai_json()).as_bytes());
            return;
        }
        self.put(answer, Delta::default(), Some(finish_reason(answer, end)), out);
        if self.includes_usage {
            let chunk = Chunk { usage: Some(usage(end)), ..self.chunk(answer, Vec::new()) };
            put(out, &chunk);
        }
        out.extend_from_slice(b"data: [DONE]\n\n");
    }

    fn put(
        &self,
        answer: &Answer,
        delta: Delta<'_>,
        finish_reason: Option<&'static str>,
        out: &mut Vec<u8>,
    ) {
        let choice = ChunkChoice { index: 0, delta, finish_reason };
        put(out, &self.chunk(answer, vec![choice]));
    }

    fn chunk<'a>(&'a self, answer: &'a Answer, choices: Vec<ChunkChoice<'a>>) -> Chunk<'a> {
        Chunk {
            id: &self.id,
            object: "chat.completion.chunk",
            created: self.created,
            model: model(answer),
            choices,
            usage: None,
        }
    }
}
