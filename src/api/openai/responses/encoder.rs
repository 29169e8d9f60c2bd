//! A response as a stream of events.

use serde_json::{Value, json};

use super::model::ResponseEvent;
use super::output::{Heading, arguments, id, item, response, summary_part, text_part};
use crate::agent::{Answer, Block, Change, ChangeCursor, Part, ToolPart};
use crate::http::error::for_end;
use crate::http::event_stream::{Encoder, put_named};

/// Writes one answer as the events of a response.
pub(super) struct EventEncoder {
    cursor: ChangeCursor,
    events: Events,
}

struct Events {
    heading: Heading,
    request_id: String,
    sequence_number: u64,
    /// The parts that are items, in their order.
    items: Vec<usize>,
}

impl EventEncoder {
    pub(super) fn new(heading: Heading, request_id: String) -> Self {
        let events = Events { heading, request_id, sequence_number: 0, items: Vec::new() };
        Self { cursor: ChangeCursor::default(), events }
    }
}

impl Encoder for EventEncoder {
    fn encode(&mut self, answer: &Answer, out: &mut Vec<u8>) {
        let events = &mut self.events;
        self.cursor.advance(answer, out, &mut |out, change| events.write(answer, change, out));
    }

    fn is_at_end(&self) -> bool {
        self.cursor.is_at_end()
    }
}

impl Events {
    fn write(&mut self, answer: &Answer, change: Change<'_>, out: &mut Vec<u8>) {
        match change {
            Change::Start => {
                for kind in ["response.created", "response.in_progress"] {
                    let response = json!({ "response": response(&self.heading, answer, None) });
                    self.put(kind, response, out);
                }
            }
            Change::BlockStart(block, part) => self.start_block(answer, block, part, out),
            Change::BlockDelta(block, part, delta) => {
                let (kind, place) = match block {
                    Block::Text => ("response.output_text.delta", "content_index"),
                    Block::Reasoning => ("response.reasoning_summary_text.delta", "summary_index"),
                };
                let delta = json!({ place: 0, "delta": delta });
                self.put_about(kind, answer, part, delta, out);
            }
            Change::BlockEnd(block, part) => self.end_block(answer, block, part, out),
            Change::CallStart(part, call) => {
                self.start_item(
                    answer,
                    part,
                    json!({
                        "type": "function_call", "status": "in_progress", "call_id": call.id,
                        "name": call.name, "arguments": "",
                    }),
                    out,
                );
            }
            Change::CallDelta(call, delta) => {
                let kind = "response.function_call_arguments.delta";
                self.put_about(kind, answer, part(answer, call), json!({ "delta": delta }), out);
            }
            Change::CallEnd(call) => {
                let part = part(answer, call);
                let whole = json!({ "name": call.name, "arguments": arguments(call) });
                self.put_about("response.function_call_arguments.done", answer, part, whole, out);
                self.end_item(answer, part, out);
            }
            Change::End(end) => {
                let response = response(&self.heading, answer, Some(end));
                let kind = match response.status.as_str() {
                    "completed" => "response.completed",
                    "incomplete" => "response.incomplete",
                    _ => "response.failed",
                };
                if response.error.is_some() {
                    for_end(end).log(&self.request_id);
                }
                self.put(kind, json!({ "response": response }), out);
            }
            _ => {}
        }
    }

    fn start_block(&mut self, answer: &Answer, block: Block, part: usize, out: &mut Vec<u8>) {
        if block == Block::Text {
            self.start_item(
                answer,
                part,
                json!({
                    "type": "message", "status": "in_progress", "role": "assistant", "content": [],
                }),
                out,
            );
            let empty = json!({ "content_index": 0, "part": text_part("") });
            self.put_about("response.content_part.added", answer, part, empty, out);
        } else {
            self.start_item(answer, part, json!({ "type": "reasoning", "summary": [] }), out);
            let empty = json!({ "summary_index": 0, "part": summary_part("") });
            self.put_about("response.reasoning_summary_part.added", answer, part, empty, out);
        }
    }

    fn end_block(&mut self, answer: &Answer, block: Block, part: usize, out: &mut Vec<u8>) {
        let text = match answer.parts.get(part) {
            Some(Part::Text { text, .. } | Part::Reasoning { text, .. }) => text.as_str(),
            _ => "",
        };
        if block == Block::Text {
            let whole = json!({ "content_index": 0, "text": text });
            self.put_about("response.output_text.done", answer, part, whole, out);
            let whole = json!({ "content_index": 0, "part": text_part(text) });
            self.put_about("response.content_part.done", answer, part, whole, out);
        } else {
            let whole = json!({ "summary_index": 0, "text": text });
            self.put_about("response.reasoning_summary_text.done", answer, part, whole, out);
            let whole = json!({ "summary_index": 0, "part": summary_part(text) });
            self.put_about("response.reasoning_summary_part.done", answer, part, whole, out);
        }
        self.end_item(answer, part, out);
    }

    fn start_item(&mut self, answer: &Answer, part: usize, mut item: Value, out: &mut Vec<u8>) {
        self.items.push(part);
        item["id"] = answer.parts.get(part).map(|content| id(part, content)).into();
        let added = json!({ "output_index": self.items.len() - 1, "item": item });
        self.put("response.output_item.added", added, out);
    }

    fn end_item(&mut self, answer: &Answer, part: usize, out: &mut Vec<u8>) {
        let item = answer.parts.get(part).and_then(|content| item(part, content));
        let done = json!({ "output_index": self.output_index(part), "item": item });
        self.put("response.output_item.done", done, out);
    }

    fn output_index(&self, part: usize) -> usize {
        self.items.iter().position(|item| *item == part).unwrap_or_default()
    }

    /// An event about an item.
    fn put_about(
        &mut self,
        kind: &'static str,
        answer: &Answer,
        part: usize,
        mut members: Value,
        out: &mut Vec<u8>,
    ) {
        members["item_id"] = answer.parts.get(part).map(|content| id(part, content)).into();
        members["output_index"] = self.output_index(part).into();
        self.put(kind, members, out);
    }

    fn put(&mut self, kind: &'static str, members: Value, out: &mut Vec<u8>) {
        let sequence_number = self.sequence_number;
        self.sequence_number += 1;
        put_named(out, kind, &ResponseEvent { r#type: kind, sequence_number, members });
    }
}

/// The part that a call is.
fn part(answer: &Answer, call: &ToolPart) -> usize {
    let is_it = |part: &Part| matches!(part, Part::Tool(other) if other.id == call.id);
    answer.parts.iter().position(is_it).unwrap_or_default()
}
