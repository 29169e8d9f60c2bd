//! Frames of answers at their edges.

use serde_json::Value;

use super::*;
use crate::providers::Event;

#[test]
fn a_long_answer_is_handed_out_in_turns() {
    let text = "ü\n".repeat(100_000);
    let mut answer = Answer::default();
    answer.apply(Event::Text(text.clone()));
    answer.is_visible = true;
    answer.close_block();
    let (mut cursor, mut read, mut turns) = (Cursor::default(), String::new(), 0);
    loop {
        let mut out = Vec::new();
        cursor.advance(&answer, &mut out, |_| unreachable!());
        if out.is_empty() {
            break;
        }
        turns += 1;
        assert!(out.len() <= 64 << 10, "{}", out.len());
        for frame in String::from_utf8(out).unwrap().lines() {
            let Some(frame) = frame.strip_prefix("data: ") else { continue };
            let frame: Value = serde_json::from_str(frame).unwrap();
            read.push_str(frame["delta"].as_str().unwrap_or_default());
        }
    }
    assert!(turns > 5 && read == text);
}

fn frames(mut cursor: Cursor, answer: &Answer) -> Vec<String> {
    let mut out = Vec::new();
    cursor.advance(answer, &mut out, |_| unreachable!());
    let text = String::from_utf8(out).unwrap();
    let frames = text.lines().filter_map(|line| line.strip_prefix("data: {\"type\":\""));
    frames.map(|frame| frame.split('"').next().unwrap_or_default().to_owned()).collect()
}

#[test]
fn who_has_the_beginning_gets_results_and_the_next_step() {
    let call = |state| {
        let (id, name, arguments) = ("1".to_owned(), "look".to_owned(), "{}".to_owned());
        Part::from(ToolPart {
            id,
            name,
            arguments,
            state,
            opaque: None,
            approval: None,
            is_edited: false,
        })
    };
    let (input, output) = (serde_json::json!({}), Value::Null);
    let done = call(ToolState::OutputAvailable { input, output });
    let text = Part::Text { text: "Here.".into(), done: true, opaque: None };
    let before = vec![Part::StepStart, done.clone(), Part::StepStart, text.clone(), done];
    let claim = crate::agent::Claim::Pending;
    let mut answer = Answer::stored(claim, serde_json::Map::new(), before.clone(), None);
    assert_eq!(frames(Cursor::after(5), &answer), ["start", "tool-output-available"]);
    answer.parts.extend([Part::StepStart, text]);
    let whole = "start tool-output-available start-step text-start text-delta text-end";
    assert_eq!(frames(Cursor::after(5), &answer).join(" "), whole);
    answer.parts = before;
    answer.end = Some(Box::new(End {
        status: Status::Complete,
        finish_reason: "stop".into(),
        usage: crate::agent::TokenUsage::default(),
        cost_usd: None,
        latency_ms: 0,
        failure: None,
        message: None,
    }));
    let whole = "start tool-output-available start-step finish-step finish";
    assert_eq!(frames(Cursor::after(5), &answer).join(" "), whole);
}

#[test]
fn sources_and_files_have_the_fields_that_all_versions_take() {
    let url =
        serde_json::json!({ "type": "source-url", "sourceId": "1", "url": "u", "title": "t" });
    let file = serde_json::json!({ "type": "file", "url": "u", "mediaType": "m" });
    let document = serde_json::json!({ "type": "source-document", "sourceId": "1",
        "mediaType": "m", "title": "t", "filename": "f" });
    let more = |part: &Value| {
        let mut part = part.clone();
        part["providerMetadata"] = serde_json::json!({ "x": {} });
        Part::Other(part)
    };
    let incomplete = Part::Other(serde_json::json!({ "type": "source-url", "url": "u" }));
    let parts = vec![more(&url), incomplete, more(&file), more(&document)];
    let claim = crate::agent::Claim::Pending;
    let answer = Answer::stored(claim, serde_json::Map::new(), parts, None);
    let mut out = Vec::new();
    Cursor::default().advance(&answer, &mut out, |_| unreachable!());
    let text = String::from_utf8(out).unwrap();
    let frames = text.lines().filter_map(|line| line.strip_prefix("data: ")).skip(1);
    let frames: Vec<Value> = frames.map(|frame| serde_json::from_str(frame).unwrap()).collect();
    assert_eq!(frames, [url, file, document]);
}
