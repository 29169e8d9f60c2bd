//! `Last-Event-ID`: a client that sends it gets `id:` lines, and only what it has not read yet.
//!
//! An id says how far the client has read, not how many events there were: what is sent at once depends
//! on the moment. It counts steps and other frames, and of each part the bytes and how far it has come.

use std::fmt::{self, Display, Write};
use std::str::FromStr;

use serde::Deserialize;
use serde_json::Value;

/// How far a client has read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Position {
    starts: usize,
    steps: usize,
    step_ends: usize,
    others: usize,
    /// One for each part that was started, in their order.
    parts: Vec<Progress>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Progress {
    bytes: usize,
    /// 1 for the input of a tool, 2 for the end of any part.
    stage: usize,
}

const WHOLE: usize = 2;

/// Adds ids to a stream that begins at its start, and leaves out what was read.
pub(super) struct EventIds {
    read: Position,
    /// How far the stream has come, and the parts' names in it.
    sent: Position,
    names: Vec<String>,
}

/// The longest id that is read, in bytes: each event repeats it.
const MAX_LENGTH: usize = 2_048;

impl EventIds {
    /// Ids for who has read up to this one; of an unknown one nothing was read.
    pub(super) fn after(last_event_id: &str) -> Self {
        let known = Some(last_event_id).filter(|id| id.len() <= MAX_LENGTH);
        let read = known.and_then(|id| id.parse().ok()).unwrap_or_default();
        Self { read, sent: Position::default(), names: Vec::new() }
    }

    /// These events as the client gets them.
    pub(super) fn number(&mut self, events: &[u8]) -> Vec<u8> {
        let mut numbered = String::new();
        for event in String::from_utf8_lossy(events).split_terminator("\n\n") {
            let data =
                event.strip_prefix("data: ").and_then(|data| serde_json::from_str(data).ok());
            let Some(frame) = data else {
                let _ = write!(numbered, "{event}\n\n");
                continue;
            };
            if let Some(frame) = self.unread(frame) {
                let _ = write!(numbered, "id: {}\ndata: {frame}\n\n", self.read);
            }
        }
        numbered.into_bytes()
    }

    /// The frame, or what of it was not read; from then on it is.
    fn unread(&mut self, mut frame: Value) -> Option<Value> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Frame {
            #[serde(rename = "type")]
            kind: String,
            #[serde(alias = "toolCallId")]
            id: Option<String>,
        }
        let Frame { kind, id } = Frame::deserialize(&frame).ok()?;
        let count = |read: &mut usize, sent: &mut usize| {
            *sent += 1;
            let is_new = *sent > *read;
            *read = (*read).max(*sent);
            is_new
        };
        let (read, sent) = (&mut self.read, &mut self.sent);
        let is_new = match kind.as_str() {
            "start" => count(&mut read.starts, &mut sent.starts),
            "start-step" => count(&mut read.steps, &mut sent.steps),
            "finish-step" => count(&mut read.step_ends, &mut sent.step_ends),
            "finish" | "abort" | "error" => true,
            // They are not parts of the answer, which may go on after an error or an approval, and without its title.
            "message-metadata" | "data-approval" | "tool-approval-request" => true,
            _ if frame["transient"] == true => true,
            "text-start" | "reasoning-start" | "tool-input-start" => {
                self.names.push(id?);
                sent.parts.push(Progress::default());
                let is_new = sent.parts.len() > read.parts.len();
                if is_new {
                    read.parts.push(Progress::default());
                }
                is_new
            }
            _ => match id.and_then(|id| self.names.iter().rposition(|name| *name == id)) {
                Some(part) => {
                    let (read, sent) = (&mut read.parts[part], &mut sent.parts[part]);
                    advance(&kind, &mut frame, read, sent)
                }
                None => count(&mut read.others, &mut sent.others),
            },
        };
        is_new.then_some(frame)
    }
}

/// Whether something of a frame of a part is new; what was read is cut off.
fn advance(kind: &str, frame: &mut Value, read: &mut Progress, sent: &mut Progress) -> bool {
    let member = if kind == "tool-input-delta" { "inputTextDelta" } else { "delta" };
    if let Some(delta) = frame[member].as_str() {
        let from = read.bytes.saturating_sub(sent.bytes).min(delta.len());
        sent.bytes += delta.len();
        read.bytes = read.bytes.max(sent.bytes);
        let unread = delta.get(from..).unwrap_or(delta).to_owned();
        let is_new = !unread.is_empty();
        frame[member] = unread.into();
        return is_new;
    }
    let stage = if kind == "tool-input-available" { 1 } else { WHOLE };
    let is_new = stage > read.stage;
    read.stage = read.stage.max(stage);
    is_new
}

/// Parts that are whole are counted up to the first that is not, or to the last: before an error its end may be sent
/// without all of its text.
impl Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let before_last = self.parts.iter().take(self.parts.len().saturating_sub(1));
        let whole = before_last.take_while(|part| part.stage == WHOLE).count();
        let Self { starts, steps, step_ends, others, parts } = self;
        write!(f, "{starts}.{steps}.{step_ends}.{others}.{whole}")?;
        for part in &parts[whole..] {
            write!(f, ".{}.{}", part.bytes, part.stage)?;
        }
        Ok(())
    }
}

impl FromStr for Position {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let numbers: Result<Vec<usize>, _> = text.split('.').map(str::parse).collect();
        let numbers = numbers.map_err(drop)?;
        let (&[starts, steps, step_ends, others, whole], open) =
            numbers.split_first_chunk().ok_or(())?;
        // An answer has at most so many parts.
        if whole > 4_000 || open.len() > 8_000 || open.len() % 2 == 1 {
            return Err(());
        }
        let mut parts = vec![Progress { bytes: usize::MAX / 2, stage: WHOLE }; whole];
        parts.extend(open.chunks(2).map(|pair| Progress { bytes: pair[0], stage: pair[1] }));
        Ok(Self { starts, steps, step_ends, others, parts })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn events(frames: &[Value]) -> Vec<u8> {
        let mut events: String = frames.iter().map(|frame| format!("data: {frame}\n\n")).collect();
        events.push_str("data: [DONE]\n\n");
        events.into_bytes()
    }

    fn delta(id: &str, text: &str) -> Value {
        json!({ "type": "text-delta", "id": id, "delta": text })
    }

    /// What a client has after these events: the texts joined, other frames by their types.
    fn shown(events: &[u8]) -> String {
        let lines = std::str::from_utf8(events).unwrap().lines();
        let frames = lines.filter_map(|line| line.strip_prefix("data: "));
        let frames = frames.filter_map(|data| serde_json::from_str::<Value>(data).ok());
        frames
            .map(|frame| match frame["delta"].as_str() {
                Some(text) => text.to_owned(),
                None => format!("<{}>", frame["type"].as_str().unwrap()),
            })
            .collect()
    }

    #[test]
    fn wherever_it_is_cut_the_rest_comes() {
        let call = |kind: &str, id: &str| json!({ "type": kind, "toolCallId": id });
        let live = events(&[
            json!({ "type": "start" }),
            json!({ "type": "start-step" }),
            json!({ "type": "text-start", "id": "1" }),
            delta("1", "Grü"),
            delta("1", "ße "),
            delta("1", "aus"),
            json!({ "type": "text-end", "id": "1" }),
            call("tool-input-start", "a"),
            call("tool-input-start", "b"),
            call("tool-input-available", "a"),
            call("tool-input-available", "b"),
            call("tool-output-available", "b"),
            call("tool-output-available", "a"),
            json!({ "type": "finish-step" }),
            json!({ "type": "finish" }),
        ]);
        // Stored, each part comes as a whole.
        let stored = events(&[
            json!({ "type": "start" }),
            json!({ "type": "start-step" }),
            json!({ "type": "text-start", "id": "1" }),
            delta("1", "Grüße aus"),
            json!({ "type": "text-end", "id": "1" }),
            call("tool-input-start", "a"),
            call("tool-input-available", "a"),
            call("tool-output-available", "a"),
            call("tool-input-start", "b"),
            call("tool-input-available", "b"),
            call("tool-output-available", "b"),
            json!({ "type": "finish-step" }),
            json!({ "type": "finish" }),
        ]);
        let numbered = String::from_utf8(EventIds::after("").number(&live)).unwrap();
        let all: Vec<_> = numbered.split_inclusive("\n\n").collect();
        for cut in 0..all.len() - 2 {
            let seen = all[..cut].concat();
            let last = seen.lines().rev().find_map(|line| line.strip_prefix("id: "));
            let rest = EventIds::after(last.unwrap_or("?")).number(&stored);
            let whole = shown(seen.as_bytes()) + &shown(&rest);
            assert_eq!(whole.len(), shown(&live).len(), "cut after {cut}: {whole}");
            assert!(
                whole.contains("Grüße aus") && whole.ends_with("<finish-step><finish>"),
                "{whole}"
            );
        }
    }

    #[test]
    fn after_an_error_comes_what_was_not_sent_before_it() {
        let source = |url: &str| json!({ "type": "source-url", "url": url });
        let begin = [
            json!({ "type": "start" }),
            json!({ "type": "start-step" }),
            source("a"),
            json!({ "type": "text-start", "id": "2" }),
        ];
        let closed = [json!({ "type": "text-end", "id": "2" }), json!({ "type": "finish-step" })];
        let failed = [
            delta("2", "Grü"),
            json!({ "type": "data-chat-title", "data": {}, "transient": true }),
            closed[0].clone(),
            closed[1].clone(),
            json!({ "type": "message-metadata", "messageMetadata": {} }),
            json!({ "type": "data-error", "data": {}, "transient": true }),
            json!({ "type": "error", "errorText": "Supabase cannot be reached." }),
        ];
        let rest = [delta("2", "Grüße"), closed[0].clone(), source("b"), closed[1].clone()];
        let mut first = EventIds::after("");
        let numbered = first.number(&events(&[&begin[..], &failed].concat()));
        let numbered = String::from_utf8(numbered).unwrap();
        let last = numbered.lines().rev().find_map(|line| line.strip_prefix("id: ")).unwrap();
        let whole = events(&[&begin[..], &rest, &[json!({ "type": "finish" })]].concat());
        let rest = EventIds::after(last).number(&whole);
        assert_eq!(shown(&rest), "ße<source-url><finish>");
    }

    #[test]
    fn after_an_approval_comes_what_the_call_has_returned() {
        let call = |kind: &str| json!({ "type": kind, "toolCallId": "a" });
        let begin = [
            json!({ "type": "start" }),
            json!({ "type": "start-step" }),
            call("tool-input-start"),
            call("tool-input-available"),
        ];
        let asked = [
            json!({ "type": "tool-approval-request", "approvalId": "b", "toolCallId": "a" }),
            json!({ "type": "data-approval", "id": "b", "data": {} }),
            json!({ "type": "finish-step" }),
            json!({ "type": "finish" }),
        ];
        let numbered = EventIds::after("").number(&events(&[&begin[..], &asked].concat()));
        let numbered = String::from_utf8(numbered).unwrap();
        let last = numbered.lines().rev().find_map(|line| line.strip_prefix("id: ")).unwrap();
        let returned = [
            call("tool-output-available"),
            json!({ "type": "source-url", "url": "c" }),
            json!({ "type": "finish-step" }),
            json!({ "type": "finish" }),
        ];
        let rest = EventIds::after(last).number(&events(&[&begin[..], &returned].concat()));
        assert_eq!(shown(&rest), "<tool-output-available><source-url><finish>");
    }
}
