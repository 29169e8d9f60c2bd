//! What a model says, as OpenAI's servers stream it.

use serde_json::{Value, json};

use super::Answer;

/// An answer of one piece, which ends for this reason and costs 10 tokens of input and 5 of output.
pub fn answer(delta: &Value, finish_reason: &str) -> Answer {
    let chunk = |delta: &Value, reason: Option<&str>| json!({ "choices": [{ "index": 0, "delta": delta, "finish_reason": reason }] });
    let usage = json!({ "prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15 });
    let chunks = [
        chunk(delta, None),
        chunk(&json!({}), Some(finish_reason)),
        json!({ "choices": [], "usage": usage }),
    ];
    let events = chunks.iter().map(|chunk| format!("data: {chunk}\n\n"));
    Answer::Body((events.collect::<String>() + "data: [DONE]\n\n").into())
}

/// An answer in words.
pub fn says(text: &str) -> Answer {
    answer(&json!({ "role": "assistant", "content": text }), "stop")
}

/// An answer that calls this tool.
pub fn call(id: &str, tool: &str, arguments: &Value) -> Answer {
    answer(&calling(&[(id.to_owned(), tool, arguments)]), "tool_calls")
}

/// An answer that calls these tools, as `call-0`, `call-1`…
pub fn calls(tools: &[(&str, Value)]) -> Answer {
    let ids = (0..).map(|number| format!("call-{number}"));
    let calls: Vec<_> =
        ids.zip(tools).map(|(id, (tool, arguments))| (id, *tool, arguments)).collect();
    answer(&calling(&calls), "tool_calls")
}

/// What calls tools: with ids, by their names, with arguments.
pub fn calling(calls: &[(String, &str, &Value)]) -> Value {
    let call = |(index, (id, tool, arguments)): (usize, &(String, &str, &Value))| {
        json!({ "index": index, "id": id, "type": "function",
            "function": { "name": tool, "arguments": arguments.to_string() } })
    };
    let calls: Vec<_> = calls.iter().enumerate().map(call).collect();
    json!({ "role": "assistant", "tool_calls": calls })
}
