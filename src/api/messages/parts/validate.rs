//! What a part must look like for the AI SDK's `validateUIMessages` to take it.

use serde_json::{Map, Value};

use crate::json::{MAX_DEPTH, value_depth};

/// The field that is wrong, as the end of a JSON pointer, and what is wrong with it.
type Refusal = (&'static str, &'static str);

const STRING: &str = "must be a string";
const BLOCK_STATES: &[&str] = &["streaming", "done"];
const TOOL_STATES: &[&str] = &[
    "input-streaming",
    "input-available",
    "approval-requested",
    "approval-responded",
    "output-available",
    "output-error",
    "output-denied",
];

/// Takes out the optional members that are null: the SDK wants them absent.
pub(super) fn without_nulls(part: &mut Value) {
    if let Some(part) = part.as_object_mut() {
        let may_be_null = |name: &str| matches!(name, "input" | "output" | "data");
        part.retain(|name, value| !value.is_null() || may_be_null(name));
    }
}

/// What is wrong with a part, if anything.
pub(super) fn check(part: &Value) -> Result<(), Refusal> {
    if value_depth(part) > MAX_DEPTH {
        return Err(("", "must not be nested deeper than 64 levels"));
    }
    let Some(part) = part.as_object() else { return Err(("", "must be an object")) };
    let Some(kind) = part.get("type").and_then(Value::as_str) else {
        return Err(("/type", STRING));
    };
    match kind {
        "text" => block(part),
        "reasoning" => optional(part, &["/id"]).and_then(|()| block(part)),
        // `Files::resolve` looks closer.
        "file" | "step-start" => Ok(()),
        "source-url" => required(part, &["/sourceId", "/url"])
            .and_then(|()| optional(part, &["/title"]))
            .and_then(|()| metadata(part, "/providerMetadata")),
        "source-document" => required(part, &["/sourceId", "/mediaType", "/title"])
            .and_then(|()| optional(part, &["/filename"]))
            .and_then(|()| metadata(part, "/providerMetadata")),
        "dynamic-tool" => required(part, &["/toolName"]).and_then(|()| tool(part)),
        _ if kind.starts_with("data-") => optional(part, &["/id"]),
        _ if kind.starts_with("tool-") => tool(part),
        _ => Err(("/type", "is not a type of part that the AI SDK knows")),
    }
}

fn block(part: &Map<String, Value>) -> Result<(), Refusal> {
    required(part, &["/text"])?;
    if !part.get("state").is_none_or(|state| is_one_of(state, BLOCK_STATES)) {
        return Err(("/state", "must be streaming or done"));
    }
    metadata(part, "/providerMetadata")
}

fn tool(part: &Map<String, Value>) -> Result<(), Refusal> {
    required(part, &["/toolCallId", "/state"])?;
    let state = &part["state"];
    if !is_one_of(state, TOOL_STATES) {
        return Err(("/state", "is not a state of a tool call that the AI SDK knows"));
    }
    if state == "output-error" {
        required(part, &["/errorText"])?;
    } else if part.contains_key("errorText") {
        return Err(("/errorText", "belongs to the state output-error only"));
    }
    if state != "output-available" && part.contains_key("output") {
        return Err(("/output", "belongs to the state output-available only"));
    }
    if state
        .as_str()
        .is_some_and(|state| state.starts_with("approval-") || state == "output-denied")
    {
        approval(part)?;
    }
    for field in ["/providerExecuted", "/preliminary"] {
        if !part.get(&field[1..]).is_none_or(Value::is_boolean) {
            return Err((field, "must be true or false"));
        }
    }
    metadata(part, "/callProviderMetadata")
}

fn approval(part: &Map<String, Value>) -> Result<(), Refusal> {
    let Some(approval) = part.get("approval").and_then(Value::as_object) else {
        return Err(("/approval", "must be an object"));
    };
    if !approval.get("id").is_some_and(Value::is_string) {
        return Err(("/approval/id", STRING));
    }
    if part["state"] != "approval-requested"
        && !approval.get("approved").is_some_and(Value::is_boolean)
    {
        return Err(("/approval/approved", "must be true or false"));
    }
    Ok(())
}

fn is_one_of(state: &Value, states: &[&str]) -> bool {
    state.as_str().is_some_and(|state| states.contains(&state))
}

fn required(part: &Map<String, Value>, fields: &[&'static str]) -> Result<(), Refusal> {
    let is_wrong = |field: &&&str| !part.get(&field[1..]).is_some_and(Value::is_string);
    fields.iter().find(is_wrong).map_or(Ok(()), |field| Err((*field, STRING)))
}

fn optional(part: &Map<String, Value>, fields: &[&'static str]) -> Result<(), Refusal> {
    let is_wrong = |field: &&&str| !part.get(&field[1..]).is_none_or(Value::is_string);
    fields.iter().find(is_wrong).map_or(Ok(()), |field| Err((*field, STRING)))
}

/// Each provider has an object of its own.
fn metadata(part: &Map<String, Value>, field: &'static str) -> Result<(), Refusal> {
    let of_providers =
        |metadata: &Value| metadata.as_object().is_some_and(|of| of.values().all(Value::is_object));
    let is_right = part.get(&field[1..]).is_none_or(of_providers);
    if is_right { Ok(()) } else { Err((field, "must be an object of objects")) }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{check, without_nulls};

    fn nested(levels: usize) -> Value {
        (0..levels).fold(json!(1), |inner, _| json!([inner]))
    }

    /// Tried with `validateUIMessages` of ai 5.0.277.
    #[test]
    fn parts_are_what_the_sdk_takes() {
        for part in [
            json!({ "type": "text", "text": "a", "state": null, "providerMetadata": null }),
            json!({ "type": "text", "text": "", "state": "streaming", "id": 5 }),
            json!({ "type": "reasoning", "text": "a", "providerMetadata": { "x": { "y": null } } }),
            json!({ "type": "step-start" }),
            json!({ "type": "source-url", "sourceId": "1", "url": "u", "title": null }),
            json!({ "type": "source-document", "sourceId": "1", "mediaType": "m", "title": "t" }),
            json!({ "type": "data-x", "data": null }),
            json!({ "type": "data-x", "data": nested(63) }),
            json!({ "type": "tool-x", "toolCallId": "1", "state": "input-streaming" }),
            json!({ "type": "tool-x", "toolCallId": "1", "state": "output-available",
                "input": null, "output": null, "errorText": null, "preliminary": true }),
            json!({ "type": "dynamic-tool", "toolName": "x", "toolCallId": "1",
                "state": "output-error", "errorText": "e" }),
            json!({ "type": "text", "text": "a", "citations": [] }),
            json!({ "type": "tool-x", "toolCallId": "1", "state": "approval-requested",
                "input": {}, "approval": { "id": "1", "isAutomatic": false } }),
            json!({ "type": "tool-x", "toolCallId": "1", "state": "approval-responded",
                "input": {}, "approval": { "id": "1", "approved": true, "reason": "r" } }),
            json!({ "type": "tool-x", "toolCallId": "1", "state": "output-denied",
                "input": {}, "approval": { "id": "1", "approved": false } }),
        ] {
            let mut cleaned = part.clone();
            without_nulls(&mut cleaned);
            assert_eq!(check(&cleaned), Ok(()), "{part}");
        }
    }

    #[test]
    fn other_parts_are_refused_with_the_field() {
        for (part, field) in [
            (json!(["text"]), ""),
            (json!({ "type": "text", "text": null }), "/text"),
            (json!({ "type": "text", "text": "a", "state": "over" }), "/state"),
            (
                json!({ "type": "text", "text": "a", "providerMetadata": {"x": 1} }),
                "/providerMetadata",
            ),
            (json!({ "type": "reasoning", "text": "a", "id": 1 }), "/id"),
            (json!({ "type": "source-url", "url": "u" }), "/sourceId"),
            (json!({ "type": "source-url", "sourceId": "1" }), "/url"),
            (json!({ "type": "source-url", "sourceId": "1", "url": "u", "title": 1 }), "/title"),
            (json!({ "type": "source-document", "mediaType": "m", "title": "t" }), "/sourceId"),
            (json!({ "type": "source-document", "sourceId": "1", "title": "t" }), "/mediaType"),
            (json!({ "type": "source-document", "sourceId": "1", "mediaType": "m" }), "/title"),
            (json!({ "type": "data-x", "id": 1 }), "/id"),
            (json!({ "type": "data-x", "data": nested(64) }), ""),
            (json!({ "type": "tool-x", "state": "input-streaming" }), "/toolCallId"),
            (json!({ "type": "tool-x", "toolCallId": "1" }), "/state"),
            (json!({ "type": "tool-x", "toolCallId": "1", "state": "done" }), "/state"),
            (json!({ "type": "tool-x", "toolCallId": "1", "state": "output-error" }), "/errorText"),
            (
                json!({ "type": "tool-x", "toolCallId": "1", "state": "input-available", "output": 1 }),
                "/output",
            ),
            (
                json!({ "type": "tool-x", "toolCallId": "1", "state": "output-available", "errorText": "e" }),
                "/errorText",
            ),
            (
                json!({ "type": "dynamic-tool", "toolCallId": "1", "state": "input-available" }),
                "/toolName",
            ),
            (
                json!({ "type": "dynamic-tool", "toolName": "x", "state": "input-available" }),
                "/toolCallId",
            ),
            (json!({ "type": "dynamic-tool", "toolName": "x", "toolCallId": "1" }), "/state"),
            (
                json!({ "type": "tool-x", "toolCallId": "1", "state": "approval-requested" }),
                "/approval",
            ),
            (
                json!({ "type": "tool-x", "toolCallId": "1", "state": "output-denied",
                    "approval": { "id": "1" } }),
                "/approval/approved",
            ),
            (json!({ "type": "custom", "kind": "a.b" }), "/type"),
            (json!({ "type": "video" }), "/type"),
        ] {
            let mut cleaned = part.clone();
            without_nulls(&mut cleaned);
            assert_eq!(check(&cleaned).map_err(|(field, _)| field), Err(field), "{part}");
        }
    }
}
