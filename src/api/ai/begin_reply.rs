//! What the database replies to a claim of a chat, as the agent takes it.

use std::sync::Arc;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::agent::{BeginOutcome, ClientTool, Earlier, Part, Refusal, Rows, Started, TokenUsage};
use crate::api::chats::model::UNTITLED;
use crate::compute::compute;
use crate::database::{BeginReply, Messages, Missing, StartedReply};
use crate::memory::json_cost;
use crate::providers::catalogue::Usd;
use crate::supabase::SupabaseError;

/// A longer reply, with a history, takes milliseconds to parse, which nobody else waits for.
const SHORT: usize = 128 << 10;

#[derive(Deserialize)]
struct MessageRow {
    id: Uuid,
    model: Option<String>,
    is_active: bool,
    #[serde(default)]
    metadata: Map<String, Value>,
}

pub(super) async fn parse(text: Bytes) -> Result<BeginReply, SupabaseError> {
    if text.len() <= SHORT {
        return Ok(serde_json::from_slice(&text)?);
    }
    Ok(compute(move || serde_json::from_slice(&text)).await?)
}

/// By how much the reply takes less memory than its parsed value would: the rows of a new answer are kept as
/// text. The parts of one that goes on are parsed.
pub(super) fn overcharge(reply: &BeginReply) -> usize {
    let BeginReply::Started(started) = reply else { return 0 };
    if started.checkpoint > 0 {
        return 0;
    }
    let Messages { message, user_message } = &started.messages;
    let rows = [Some(message), user_message.as_ref()].into_iter().flatten();
    rows.map(|row| json_cost(row.get().as_bytes()) - row.get().len()).sum()
}

pub(super) fn outcome(reply: BeginReply) -> Result<BeginOutcome, SupabaseError> {
    Ok(match reply {
        BeginReply::Started(started) => BeginOutcome::Started(Box::new(into_started(*started)?)),
        BeginReply::Running(messages) => BeginOutcome::Elsewhere(rows(messages)?.0),
        BeginReply::Answered(messages) => BeginOutcome::Answered(rows(messages)?.0),
        BeginReply::Busy { message_id } => BeginOutcome::Refused(Refusal::Busy { message_id }),
        BeginReply::Queued(_) => BeginOutcome::Refused(Refusal::Queued),
        BeginReply::QueueFull => BeginOutcome::Refused(Refusal::QueueFull),
        BeginReply::Conflict => BeginOutcome::Refused(Refusal::IdConflict),
        BeginReply::NotFound(Missing::Message) => BeginOutcome::Refused(Refusal::NoSuchMessage),
        BeginReply::NotFound(Missing::Chat) => BeginOutcome::Refused(Refusal::NoSuchChat),
        BeginReply::NothingToAnswer => BeginOutcome::Refused(Refusal::NothingToAnswer),
        BeginReply::OverLimit(limit) => BeginOutcome::Refused(Refusal::OverLimit(limit)),
    })
}

fn into_started(reply: StartedReply) -> Result<Started, SupabaseError> {
    let StartedReply {
        messages,
        chat,
        mut history,
        reserved,
        lease,
        has_queue: _,
        checkpoint,
        definitions,
        calls,
    } = reply;
    let (rows, message) = rows(messages)?;
    let earlier = match checkpoint {
        0 => Earlier::default(),
        checkpoint => Earlier {
            approved: calls.into_iter().map(|call| call.call_id).collect(),
            ..earlier(&rows, &message, checkpoint, &definitions)?
        },
    };
    // It is kept as long as the answer runs.
    history.shrink_to_fit();
    Ok(Started {
        rows,
        model: message.model,
        is_untitled: chat.title == UNTITLED,
        system_prompt: chat.system_prompt,
        history,
        reserved,
        metadata: message.metadata,
        lease: Some(lease),
        is_candidate: !message.is_active,
        earlier,
    })
}

/// What a message that is continued has already.
fn earlier(
    rows: &Rows,
    message: &MessageRow,
    checkpoint: u32,
    definitions: &[Value],
) -> Result<Earlier, SupabaseError> {
    #[derive(Deserialize)]
    struct Row {
        parts: Vec<Part>,
    }
    let row = rows.message.as_deref().map_or("null", RawValue::get);
    let Row { parts } = serde_json::from_str(row)?;
    let usage = message.metadata.get("usage");
    Ok(Earlier {
        parts,
        checkpoint,
        usage: usage.and_then(|usage| TokenUsage::deserialize(usage).ok()),
        cost_usd: message.metadata.get("cost_usd").and_then(Value::as_f64).map(Usd::from_f64),
        client_tools: definitions.iter().filter_map(ClientTool::from_json).map(Arc::new).collect(),
        approved: Vec::new(),
        is_visible: false,
    })
}

fn rows(messages: Messages) -> Result<(Rows, MessageRow), SupabaseError> {
    let Messages { message, user_message } = messages;
    let row: MessageRow = serde_json::from_str(message.get())?;
    Ok((Rows { message_id: row.id, message: Some(message), user_message }, row))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn rows_that_are_kept_as_text_cost_less_than_parsed_ones() {
        let row = format!(r#"{{"id":"{}","parts":[{{"type":"text","text":"Hi"}}]}}"#, Uuid::nil());
        let started = async |more: &str| {
            let chat = format!(r#"{{"id":"{}","title":"Trip"}}"#, Uuid::nil());
            let reply = format!(
                r#"{{"answer":"started","chat":{chat},"message":{row},"user_message":{row},
                    "history":[],"reserved":null,"lease_ms":29000,"has_queue":false{more}}}"#
            );
            overcharge(&parse(reply.into()).await.unwrap())
        };
        assert_eq!(started("").await, 2 * (json_cost(row.as_bytes()) - row.len()));
        assert_eq!(started(r#","checkpoint":1"#).await, 0, "its parts are parsed");
        let other = parse(r#"{"answer":"nothing_to_answer"}"#.into()).await.unwrap();
        assert_eq!(overcharge(&other), 0);
    }
}
