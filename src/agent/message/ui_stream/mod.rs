//! The AI SDK's UI message stream, v1: what a listener has not seen yet, as Server-Sent Events.
//!
//! Only fields of the protocol's first release, because older clients refuse others. A frame says
//! what changed since the listener's cursor, so deltas coalesce for a slow one and nothing is queued.

mod frames;
mod hosted;

pub use frames::StreamError;
use frames::{CallReport, Frame, Title, put, put_approval, put_delta, put_error, put_other};
use hosted::HostedSent;

use super::answer::{Answer, End, Status};
use super::citations;
use super::part::{Part, ToolPart, ToolState};
use super::turn::{TURN, next_piece};

/// How far one listener has read.
#[derive(Debug, Default)]
pub struct Cursor {
    started: bool,
    /// How many parts the listener has from before.
    earlier: usize,
    /// Whether the listener takes a reason in the frame of the end.
    says_finish_reason: bool,
    /// Whether the listener takes the frames of approvals.
    takes_approvals: bool,
    in_step: bool,
    titled: bool,
    /// How many reports of running calls were looked at.
    reports: usize,
    /// One for each part that was begun.
    parts: Vec<Progress>,
    /// Parts before this one are finished.
    first_open: usize,
    ended: bool,
}

#[derive(Debug)]
enum Progress {
    Text { sent: usize },
    Tool { sent: usize, input: bool },
    Hosted { sent: HostedSent },
    Done,
}

impl Cursor {
    /// A listener that has this many parts of a message which is continued. It gets what became of the
    /// last step's calls, and then what is new.
    pub fn after(earlier: usize) -> Self {
        Self { earlier, ..Self::default() }
    }

    /// The same, for a listener that takes a reason in the frame of the end or does not.
    #[must_use]
    pub fn with_finish_reason(self, says_finish_reason: bool) -> Self {
        Self { says_finish_reason, ..self }
    }

    /// The same, for a listener that takes the AI SDK's frames of approvals or does not: others end in an error
    /// when they meet one.
    #[must_use]
    pub fn with_approvals(self, takes_approvals: bool) -> Self {
        Self { takes_approvals, ..self }
    }

    /// Whether the end was sent: nothing follows.
    pub fn is_at_end(&self) -> bool {
        self.ended
    }

    /// Appends to `out` what `answer` holds beyond this cursor, of a long answer as much as one turn takes: a
    /// listener that does not read must not hold all of it. Nothing is appended when there is no more. `describe` says how a failure looks
    /// to a client.
    pub fn advance(
        &mut self,
        answer: &Answer,
        out: &mut Vec<u8>,
        describe: impl FnOnce(&End) -> StreamError,
    ) {
        if self.ended || !(answer.is_visible || answer.end.is_some()) {
            return;
        }
        if !self.started {
            self.started = true;
            let message_id = answer.claim.rows().map(|rows| rows.message_id).unwrap_or_default();
            put(out, &Frame::Start { message_id, message_metadata: &answer.metadata });
            self.skip_earlier(&answer.parts, out);
        }
        for index in self.first_open..answer.parts.len() {
            self.advance_part(index, answer, out);
            if out.len() >= TURN {
                self.skip_finished();
                return;
            }
        }
        self.skip_finished();
        for (tool_call_id, progress) in answer.progress.after(self.reports) {
            let data = CallReport { tool_call_id, progress };
            put(out, &Frame::ToolProgress { data, transient: true });
        }
        self.reports = answer.progress.reports();
        if let Some(title) = answer.title.as_deref().filter(|_| !self.titled) {
            self.titled = true;
            put(out, &Frame::Title { data: Title { title }, transient: true });
        }
        if let Some(end) = &answer.end {
            self.finish(answer, end, out, describe);
        }
    }

    /// Clients take results before the next step begins.
    fn skip_earlier(&mut self, parts: &[Part], out: &mut Vec<u8>) {
        let earlier = &parts[..self.earlier.min(parts.len())];
        let step = earlier.iter().rposition(|part| *part == Part::StepStart).unwrap_or(0);
        for (index, part) in earlier.iter().enumerate() {
            let progress = match part {
                // What was approved gets its result later.
                Part::Tool(tool) if index >= step => {
                    match put_result(tool, self.takes_approvals, out) {
                        true => Progress::Done,
                        false => Progress::Tool { sent: tool.arguments.len(), input: true },
                    }
                }
                _ => Progress::Done,
            };
            self.parts.push(progress);
        }
    }

    fn skip_finished(&mut self) {
        while let Some(Progress::Done) = self.parts.get(self.first_open) {
            self.first_open += 1;
        }
    }

    fn advance_part(&mut self, index: usize, answer: &Answer, out: &mut Vec<u8>) {
        let part = &answer.parts[index];
        let is_new = index == self.parts.len();
        if is_new {
            let progress = self.begin_part(index, answer, out);
            self.parts.push(progress);
        }
        let progress = &mut self.parts[index];
        match part {
            Part::Text { text, done, opaque } => {
                if advance_text(progress, index, text, *done, true, out) {
                    let provider_metadata = citations::metadata(opaque.as_ref());
                    put(out, &Frame::TextEnd { id: &index.to_string(), provider_metadata });
                }
            }
            Part::Reasoning { text, done, .. } => {
                if advance_text(progress, index, text, *done, false, out) {
                    put(out, &Frame::ReasoningEnd { id: &index.to_string() });
                }
            }
            Part::Tool(tool) => advance_tool(progress, tool, self.takes_approvals, out),
            Part::Hosted(call) => {
                if let Progress::Hosted { sent } = progress
                    && sent.advance(call, out)
                {
                    *progress = Progress::Done;
                }
            }
            Part::StepStart | Part::Other(_) => {}
        }
    }

    fn begin_part(&mut self, index: usize, answer: &Answer, out: &mut Vec<u8>) -> Progress {
        let part = &answer.parts[index];
        let id = index.to_string();
        if *part == Part::StepStart {
            self.finish_step(out);
        }
        if !self.in_step && !matches!(part, Part::Other(_)) {
            self.in_step = true;
            put(out, &Frame::StartStep);
        }
        match part {
            Part::StepStart => Progress::Done,
            Part::Text { .. } => {
                put(out, &Frame::TextStart { id: &id });
                Progress::Text { sent: 0 }
            }
            // Of what only the provider understands there is nothing to show.
            Part::Reasoning { text, done: true, .. } if text.is_empty() => Progress::Done,
            Part::Reasoning { .. } => {
                put(out, &Frame::ReasoningStart { id: &id });
                Progress::Text { sent: 0 }
            }
            Part::Tool(tool) => {
                put(out, &Frame::ToolInputStart { tool_call_id: &tool.id, tool_name: &tool.name });
                Progress::Tool { sent: 0, input: false }
            }
            Part::Hosted(call) => Progress::Hosted { sent: HostedSent::start(call, out) },
            Part::Other(value) => {
                put_other(out, &answer.shown(value));
                Progress::Done
            }
        }
    }

    fn finish_step(&mut self, out: &mut Vec<u8>) {
        if self.in_step {
            self.in_step = false;
            put(out, &Frame::FinishStep);
        }
    }

    fn finish(
        &mut self,
        answer: &Answer,
        end: &End,
        out: &mut Vec<u8>,
        describe: impl FnOnce(&End) -> StreamError,
    ) {
        self.ended = true;
        let has_nothing_new = self.earlier > 0 && self.parts.len() == self.earlier;
        if has_nothing_new && end.status != Status::Awaiting {
            // A client whose last step is made of results asks for the next one, again and again.
            self.in_step = true;
            put(out, &Frame::StartStep);
        }
        if end.status == Status::Awaiting {
            self.put_approvals(&answer.parts, out);
        }
        self.finish_step(out);
        let message_metadata = &answer.metadata;
        match end.status {
            Status::Complete | Status::Awaiting => {
                let finish_reason = self.says_finish_reason.then(|| finish_reason(end));
                put(out, &Frame::Finish { message_metadata, finish_reason });
            }
            Status::Stopped => {
                put(out, &Frame::MessageMetadata { message_metadata });
                put(out, &Frame::Abort);
            }
            Status::Failed | Status::Interrupted => {
                put(out, &Frame::MessageMetadata { message_metadata });
                put_error(out, &describe(end));
            }
        }
        out.extend_from_slice(b"data: [DONE]\n\n");
    }
}

impl Cursor {
    /// What a person is asked. Not before the questions are stored, so that they can be answered.
    fn put_approvals(&self, parts: &[Part], out: &mut Vec<u8>) {
        for part in parts.get(self.earlier..).unwrap_or_default() {
            let Part::Tool(tool) = part else { continue };
            let (Some(approval), ToolState::ApprovalRequested(_)) = (&tool.approval, &tool.state)
            else {
                continue;
            };
            if self.takes_approvals {
                let (approval_id, tool_call_id) = (&*approval.id, &*tool.id);
                put(out, &Frame::ToolApprovalRequest { approval_id, tool_call_id });
            } else {
                put_approval(out, &approval.id, &tool.approval_data());
            }
        }
    }
}

/// Why the model has stopped, in the SDK's words.
fn finish_reason(end: &End) -> &'static str {
    match end.finish_reason.as_str() {
        "stop" | "stop_sequence" => "stop",
        "length" | "context_window" => "length",
        "content_filter" | "refusal" => "content-filter",
        "tool-calls" | "tool_calls" => "tool-calls",
        _ => "other",
    }
}

/// Whether all of it is sent.
fn advance_text(
    progress: &mut Progress,
    index: usize,
    text: &str,
    done: bool,
    is_text: bool,
    out: &mut Vec<u8>,
) -> bool {
    let Progress::Text { sent } = progress else { return false };
    while let Some(delta) = next_piece(text, sent, out) {
        put_delta(out, is_text, index, delta);
    }
    let is_whole = done && *sent == text.len();
    if is_whole {
        *progress = Progress::Done;
    }
    is_whole
}

fn advance_tool(
    progress: &mut Progress,
    tool: &ToolPart,
    takes_approvals: bool,
    out: &mut Vec<u8>,
) {
    let Progress::Tool { sent, input } = progress else { return };
    let tool_call_id = &tool.id;
    if !*input {
        while let Some(input_text_delta) = next_piece(&tool.arguments, sent, out) {
            put(out, &Frame::ToolInputDelta { tool_call_id, input_text_delta });
        }
        if *sent < tool.arguments.len() {
            return;
        }
    }
    if let Some(value) = tool.input().filter(|_| !*input) {
        *input = true;
        let tool_name = &tool.name;
        put(out, &Frame::ToolInputAvailable { tool_call_id, tool_name, input: value });
    }
    if put_result(tool, takes_approvals, out) {
        *progress = Progress::Done;
    }
}

/// Whether there is one.
fn put_result(tool: &ToolPart, takes_approvals: bool, out: &mut Vec<u8>) -> bool {
    let tool_call_id = &tool.id;
    match &tool.state {
        ToolState::OutputAvailable { output, .. } => {
            put(out, &Frame::ToolOutputAvailable { tool_call_id, output });
        }
        ToolState::OutputError { error_text, .. } => {
            put(out, &Frame::ToolOutputError { tool_call_id, error_text });
        }
        ToolState::OutputDenied(_) if takes_approvals => {
            put(out, &Frame::ToolOutputDenied { tool_call_id });
        }
        ToolState::OutputDenied(_) => {
            put(out, &Frame::ToolOutputError { tool_call_id, error_text: &tool.denial() });
        }
        ToolState::InputStreaming
        | ToolState::InputAvailable(_)
        | ToolState::ApprovalRequested(_)
        | ToolState::ApprovalResponded(_) => return false,
    }
    true
}

#[cfg(test)]
mod tests;
