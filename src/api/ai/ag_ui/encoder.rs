//! An answer as the events of a run.

use serde_json::{Value, json};
use uuid::Uuid;

use super::calls::{interrupt, of_provider, result_text, waiting};
use super::event::{Event, Outcome, RunResult, RunUsage};
use super::ids;
use super::model::RunAgentInput;
use crate::agent::{Answer, Block, Change, ChangeCursor, End, Status, ToolPart};
use crate::http::error::{ApiError, for_end};
use crate::http::event_stream::{Encoder, put};

/// What a client is told besides the answer.
pub(super) struct Run {
    pub(super) thread_id: String,
    pub(super) run_id: String,
    pub(super) is_version_1: bool,
    pub(super) is_tanstack: bool,
    pub(super) state: Option<Value>,
    /// The chat's messages, for a client that connects.
    pub(super) snapshot: Option<Vec<Value>>,
    pub(super) request_id: String,
}

impl Run {
    pub(super) fn new(input: &RunAgentInput, request_id: &str) -> Self {
        let is_empty = |state: &Value| {
            state.is_null() || state.as_object().is_some_and(serde_json::Map::is_empty)
        };
        Self {
            thread_id: input.thread_id.clone(),
            run_id: input.run_id.clone(),
            is_version_1: input.is_version_1(),
            is_tanstack: input.is_tanstack(),
            state: input.state.clone().filter(|state| !is_empty(state)),
            snapshot: None,
            request_id: request_id.to_owned(),
        }
    }

    /// What comes before everything else.
    pub(super) fn start(&self, out: &mut Vec<u8>) {
        let Self { thread_id, run_id, .. } = self;
        put(out, &Event::RunStarted { thread_id, run_id });
        if let Some(snapshot) = &self.state {
            put(out, &Event::StateSnapshot { snapshot });
        }
        if let Some(messages) = &self.snapshot {
            put(out, &Event::MessagesSnapshot { messages });
        }
    }

    /// The end of a run without an answer.
    pub(super) fn finish_empty(&self, out: &mut Vec<u8>) {
        let Self { thread_id, run_id, .. } = self;
        let (result, outcome, usage) = (None, None, None);
        put(out, &Event::RunFinished { thread_id, run_id, result, outcome, usage });
    }
}

/// Writes one answer as the events of a run.
pub(super) struct EventEncoder {
    cursor: ChangeCursor,
    events: Events,
}

struct Events {
    run: Run,
    steps: usize,
    /// The stored message.
    id: Uuid,
    has_message: bool,
    /// The protocol's message that text goes to, and calls of the same step.
    current: Option<String>,
}

impl EventEncoder {
    /// For a client that has this many parts of the message already.
    pub(super) fn after(earlier: usize, run: Run) -> Self {
        let (id, has_message) = (Uuid::nil(), earlier > 0);
        let events = Events { run, steps: 0, id, has_message, current: None };
        Self { cursor: ChangeCursor::after(earlier), events }
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
                self.id = answer.claim.rows().map(|rows| rows.message_id).unwrap_or_default();
                self.run.start(out);
                let value = Value::Object(answer.metadata.clone());
                put(out, &Event::Custom { name: "message", value });
            }
            Change::StepStart => {
                self.steps += 1;
                self.current = None;
                put(out, &Event::StepStarted { step_name: &self.steps.to_string() });
            }
            Change::StepEnd => {
                put(out, &Event::StepFinished { step_name: &self.steps.to_string() });
            }
            Change::BlockStart(Block::Text, part) => {
                let message_id = &self.start_message(part);
                put(out, &Event::TextMessageStart { message_id, role: "assistant" });
            }
            Change::BlockDelta(Block::Text, _, delta) => {
                let message_id = self.current.as_deref().unwrap_or_default();
                put(out, &Event::TextMessageContent { message_id, delta });
            }
            Change::BlockEnd(Block::Text, _) => {
                let message_id = self.current.as_deref().unwrap_or_default();
                put(out, &Event::TextMessageEnd { message_id });
            }
            Change::BlockStart(Block::Reasoning, part) => {
                let message_id = &ids::reasoning_id(self.id, part);
                put(out, &Event::ReasoningStart { message_id });
                put(out, &Event::ReasoningMessageStart { message_id, role: "reasoning" });
            }
            Change::BlockDelta(Block::Reasoning, part, delta) => {
                let message_id = &ids::reasoning_id(self.id, part);
                put(out, &Event::ReasoningMessageContent { message_id, delta });
            }
            Change::BlockEnd(Block::Reasoning, part) => {
                let message_id = &ids::reasoning_id(self.id, part);
                put(out, &Event::ReasoningMessageEnd { message_id });
                put(out, &Event::ReasoningEnd { message_id });
            }
            Change::CallStart(part, call) => self.start_call(part, call, out),
            Change::CallDelta(call, delta) => {
                put(out, &Event::ToolCallArgs { tool_call_id: &call.id, delta });
            }
            Change::CallEnd(call) => put(out, &Event::ToolCallEnd { tool_call_id: &call.id }),
            Change::CallResult(call) => put_result(call, out),
            Change::Approval(call) => {
                put(out, &Event::Custom { name: "approval", value: call.approval_data() });
            }
            Change::HostedCall(part, call) => {
                if let Some(call) = of_provider(call) {
                    self.start_call(part, &call, out);
                    let tool_call_id = &call.id;
                    put(out, &Event::ToolCallArgs { tool_call_id, delta: &call.arguments });
                    put(out, &Event::ToolCallEnd { tool_call_id });
                    put_result(&call, out);
                }
            }
            Change::Other(value) => put_other(value, out),
            Change::Title(title) => {
                let value = json!({ "title": title });
                put(out, &Event::Custom { name: "chat-title", value });
            }
            Change::End(end) => self.end(answer, end, out),
        }
    }

    fn start_message(&mut self, part: usize) -> String {
        let id = ids::message_id(self.id, part, !self.has_message);
        self.has_message = true;
        self.current = Some(id.clone());
        id
    }

    fn start_call(&mut self, part: usize, call: &ToolPart, out: &mut Vec<u8>) {
        let parent = match &self.current {
            Some(current) => current.clone(),
            None => self.start_message(part),
        };
        put(
            out,
            &Event::ToolCallStart {
                tool_call_id: &call.id,
                tool_call_name: &call.name,
                parent_message_id: &parent,
            },
        );
    }

    fn end(&self, answer: &Answer, end: &End, out: &mut Vec<u8>) {
        if let Status::Failed | Status::Interrupted = end.status {
            let error: ApiError = for_end(end);
            error.log(&self.run.request_id);
            put(out, &Event::RunError { message: error.detail(), code: error.code() });
            return;
        }
        let waiting = waiting(&answer.parts);
        let ids: Vec<_> = waiting.iter().map(|(call, _)| call.id.as_str()).collect();
        put(
            out,
            &Event::RunFinished {
                thread_id: &self.run.thread_id,
                run_id: &self.run.run_id,
                result: Some(RunResult {
                    message_id: self.id,
                    finish_reason: &end.finish_reason,
                    cost_usd: end.cost_usd.map(crate::providers::catalogue::Usd::as_f64),
                }),
                outcome: self.outcome(end, &waiting, &ids),
                usage: Some([usage(answer, end)]),
            },
        );
    }

    /// Clients before 1.0 refuse what they do not know inside an outcome.
    fn outcome<'a>(
        &self,
        end: &End,
        waiting: &[(&'a ToolPart, &'a Value)],
        ids: &'a [&'a str],
    ) -> Option<Outcome<'a>> {
        let is_version_1 = self.run.is_version_1;
        if end.status == Status::Stopped {
            return is_version_1.then_some(Outcome::Cancelled);
        }
        if self.run.is_tanstack && !waiting.is_empty() {
            let interrupts = waiting.iter().map(|(call, input)| interrupt(call, input));
            return Some(Outcome::Interrupt { interrupts: interrupts.collect() });
        }
        Some(Outcome::Success { pending_tool_call_ids: if is_version_1 { ids } else { &[] } })
    }
}

fn usage<'a>(answer: &'a Answer, end: &End) -> RunUsage<'a> {
    let word = |key: &str| answer.metadata.get(key).and_then(Value::as_str);
    RunUsage {
        provider: word("provider"),
        model: word("model"),
        input_tokens: end.usage.input_tokens,
        output_tokens: end.usage.output_tokens,
        total_tokens: end.usage.total_tokens,
        reasoning_tokens: end.usage.reasoning_tokens,
        cached_input_tokens: end.usage.cached_input_tokens,
        cache_write_input_tokens: end.usage.cache_write_input_tokens,
    }
}

fn put_result(call: &ToolPart, out: &mut Vec<u8>) {
    let Some(content) = result_text(call) else { return };
    put(
        out,
        &Event::ToolCallResult {
            message_id: &ids::result_id(&call.id),
            tool_call_id: &call.id,
            content: &content,
            role: "tool",
        },
    );
}

/// Files, what an answer is based on, and data of the front end.
fn put_other(value: &Value, out: &mut Vec<u8>) {
    let kind = value["type"].as_str().unwrap_or_default();
    if kind == "file" {
        let value = json!({
            "url": value["url"], "mediaType": value["mediaType"], "filename": value["filename"],
        });
        put(out, &Event::Custom { name: "file", value });
    } else if kind == "source-url" {
        let value = json!({ "url": value["url"], "title": value["title"] });
        put(out, &Event::Custom { name: "source", value });
    } else if kind == "source-document" {
        let place = &value["providerMetadata"]["chat-backend"];
        let value = json!({ "title": value["title"], "mediaType": value["mediaType"],
            "filename": value["filename"], "place": place });
        put(out, &Event::Custom { name: "source", value });
    } else if let Some(name) = kind.strip_prefix("data-") {
        put(out, &Event::Custom { name, value: value["data"].clone() });
    }
}
