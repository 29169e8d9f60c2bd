//! What a listener has not seen yet of an answer, change by change, for encoders of any protocol.
//!
//! A change says what is new since the listener's cursor, so deltas coalesce for a slow one and nothing is
//! queued.

use serde_json::Value;

use super::answer::{Answer, End, Status};
use super::hosted_call::HostedCall;
use super::part::{Part, ToolPart, ToolState};
use super::turn::{TURN, next_piece};

/// Something that is new. Parts are named by their index in the message.
#[derive(Clone, Copy, Debug)]
pub enum Change<'a> {
    /// The answer has started.
    Start,
    /// A call of the model begins.
    StepStart,
    /// The results of its tools, if it called any, are in.
    StepEnd,
    /// A text or the model's reasoning begins.
    BlockStart(Block, usize),
    /// More of it.
    BlockDelta(Block, usize, &'a str),
    /// It is complete.
    BlockEnd(Block, usize),
    /// A tool call begins.
    CallStart(usize, &'a ToolPart),
    /// More of its arguments, JSON text.
    CallDelta(&'a ToolPart, &'a str),
    /// Its arguments are complete, or were cut off.
    CallEnd(&'a ToolPart),
    /// It has a result, or an error in its place.
    CallResult(&'a ToolPart),
    /// A person is asked whether it may be made.
    Approval(&'a ToolPart),
    /// A call of a tool that the provider runs has ended.
    HostedCall(usize, &'a HostedCall),
    /// A part that this server does not interpret.
    Other(&'a Value),
    /// The chat has a new title.
    Title(&'a str),
    /// The answer has ended. Everything that was open is closed, and nothing follows.
    End(&'a End),
}

/// A block of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Block {
    Text,
    Reasoning,
}

/// How far one listener has read.
#[derive(Debug, Default)]
pub struct ChangeCursor {
    /// How many parts the listener has from before.
    earlier: usize,
    is_started: bool,
    is_in_step: bool,
    is_titled: bool,
    /// One for each part that has begun.
    parts: Vec<Progress>,
    /// Parts before this one are finished.
    first_open: usize,
    is_ended: bool,
}

#[derive(Debug)]
enum Progress {
    Block { sent: usize },
    Call { sent: usize, is_whole: bool },
    Hosted,
    Done,
}

impl ChangeCursor {
    /// A listener that has this many parts of a message which is continued: it gets what is new only.
    pub fn after(earlier: usize) -> Self {
        let parts = std::iter::repeat_with(|| Progress::Done).take(earlier).collect();
        Self { earlier, parts, first_open: earlier, ..Self::default() }
    }

    /// Whether the end was sent: nothing follows.
    pub fn is_at_end(&self) -> bool {
        self.is_ended
    }

    /// Writes to `out` what `answer` holds beyond this cursor, of a long answer as much as one turn takes: a
    /// listener that does not read must not hold all of it. Nothing is written when there is no more.
    pub fn advance(
        &mut self,
        answer: &Answer,
        out: &mut Vec<u8>,
        write: &mut dyn FnMut(&mut Vec<u8>, Change<'_>),
    ) {
        if self.is_ended || !(answer.is_visible || answer.end.is_some()) {
            return;
        }
        if !self.is_started {
            self.is_started = true;
            write(out, Change::Start);
        }
        for index in self.first_open..answer.parts.len() {
            self.advance_part(index, &answer.parts[index], out, write);
            if out.len() >= TURN {
                self.skip_finished();
                return;
            }
        }
        self.skip_finished();
        if let Some(title) = answer.title.as_deref().filter(|_| !self.is_titled) {
            self.is_titled = true;
            write(out, Change::Title(title));
        }
        if let Some(end) = &answer.end {
            self.is_ended = true;
            if end.status == Status::Awaiting {
                // Not before the questions are stored, so that they can be answered.
                for part in answer.parts.get(self.earlier..).unwrap_or_default() {
                    if let Part::Tool(call) = part
                        && let ToolState::ApprovalRequested(_) = call.state
                    {
                        write(out, Change::Approval(call));
                    }
                }
            }
            self.end_step(out, write);
            write(out, Change::End(end));
        }
    }

    fn skip_finished(&mut self) {
        while let Some(Progress::Done) = self.parts.get(self.first_open) {
            self.first_open += 1;
        }
    }

    fn advance_part(
        &mut self,
        index: usize,
        part: &Part,
        out: &mut Vec<u8>,
        write: &mut dyn FnMut(&mut Vec<u8>, Change<'_>),
    ) {
        if index == self.parts.len() {
            let progress = self.start_part(index, part, out, write);
            self.parts.push(progress);
        }
        let progress = &mut self.parts[index];
        match part {
            Part::Text { text, done, .. } => {
                advance_block(progress, (Block::Text, index), text, *done, out, write);
            }
            Part::Reasoning { text, done, .. } => {
                advance_block(progress, (Block::Reasoning, index), text, *done, out, write);
            }
            Part::Tool(call) => advance_call(progress, call, out, write),
            Part::Hosted(call) => {
                if let Progress::Hosted = progress
                    && !call.state.is_open()
                {
                    *progress = Progress::Done;
                    write(out, Change::HostedCall(index, call));
                }
            }
            Part::StepStart | Part::Other(_) => {}
        }
    }

    fn start_part(
        &mut self,
        index: usize,
        part: &Part,
        out: &mut Vec<u8>,
        write: &mut dyn FnMut(&mut Vec<u8>, Change<'_>),
    ) -> Progress {
        if *part == Part::StepStart {
            self.end_step(out, write);
        }
        if !self.is_in_step && !matches!(part, Part::Other(_)) {
            self.is_in_step = true;
            write(out, Change::StepStart);
        }
        match part {
            Part::StepStart => Progress::Done,
            Part::Hosted(_) => Progress::Hosted,
            Part::Text { .. } => {
                write(out, Change::BlockStart(Block::Text, index));
                Progress::Block { sent: 0 }
            }
            Part::Reasoning { .. } => {
                write(out, Change::BlockStart(Block::Reasoning, index));
                Progress::Block { sent: 0 }
            }
            Part::Tool(call) => {
                write(out, Change::CallStart(index, call));
                Progress::Call { sent: 0, is_whole: false }
            }
            Part::Other(value) => {
                write(out, Change::Other(value));
                Progress::Done
            }
        }
    }

    fn end_step(&mut self, out: &mut Vec<u8>, write: &mut dyn FnMut(&mut Vec<u8>, Change<'_>)) {
        if std::mem::take(&mut self.is_in_step) {
            write(out, Change::StepEnd);
        }
    }
}

fn advance_block(
    progress: &mut Progress,
    (block, index): (Block, usize),
    text: &str,
    is_done: bool,
    out: &mut Vec<u8>,
    write: &mut dyn FnMut(&mut Vec<u8>, Change<'_>),
) {
    let Progress::Block { sent } = progress else { return };
    while let Some(delta) = next_piece(text, sent, out) {
        write(out, Change::BlockDelta(block, index, delta));
    }
    if is_done && *sent == text.len() {
        *progress = Progress::Done;
        write(out, Change::BlockEnd(block, index));
    }
}

fn advance_call(
    progress: &mut Progress,
    call: &ToolPart,
    out: &mut Vec<u8>,
    write: &mut dyn FnMut(&mut Vec<u8>, Change<'_>),
) {
    let Progress::Call { sent, is_whole } = progress else { return };
    if !*is_whole {
        while let Some(delta) = next_piece(&call.arguments, sent, out) {
            write(out, Change::CallDelta(call, delta));
        }
        if *sent < call.arguments.len() {
            return;
        }
        if call.input().is_some() {
            *is_whole = true;
            write(out, Change::CallEnd(call));
        }
    }
    if let ToolState::OutputAvailable { .. }
    | ToolState::OutputError { .. }
    | ToolState::OutputDenied(_) = call.state
    {
        *progress = Progress::Done;
        write(out, Change::CallResult(call));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::providers::Event;

    #[test]
    fn a_long_answer_is_handed_out_in_turns() {
        let text = "ü\n".repeat(100_000);
        let mut answer = Answer::default();
        answer.apply(Event::Text(text.clone()));
        answer.is_visible = true;
        answer.close_block();
        let (mut cursor, mut read, mut turns) = (ChangeCursor::default(), String::new(), 0);
        loop {
            let mut out = Vec::new();
            cursor.advance(&answer, &mut out, &mut |out, change| {
                if let Change::BlockDelta(Block::Text, 0, delta) = change {
                    read.push_str(delta);
                    out.extend_from_slice(delta.as_bytes());
                }
            });
            if out.is_empty() {
                break;
            }
            turns += 1;
            assert!(out.len() <= 64 << 10, "{}", out.len());
        }
        assert!(turns > 3 && read == text, "{turns}");
    }
}
