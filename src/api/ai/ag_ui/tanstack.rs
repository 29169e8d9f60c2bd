//! What TanStack AI's client reads when a page is loaded: the chat's messages, and the run that goes on.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::watch;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::calls::{interrupt, result_text, waiting};
use super::encoder::{EventEncoder, Run};
use super::event::Event;
use super::messages::file;
use super::rows::{self, MessageRow};
use super::{ids, run};
use crate::agent::{Part, Rows, ToolPart, ToolState};
use crate::api::ai::begin::AnswerReceiver;
use crate::api::ai::{Ai, ids as chat_ids, remote_answer};
use crate::api::messages;
use crate::http::auth::CurrentUser;
use crate::http::error::ApiError;
use crate::http::event_stream;
use crate::http::extract::Query;
use crate::memory::Held;
use crate::observability::logging::RequestId;

const DEFAULT_LIMIT: usize = 200;
const MAX_LIMIT: usize = 200;

/// What a page that is loaded asks for: a chat's messages, or the events of a run.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct Hydration {
    /// ID of the chat whose messages are requested.
    thread_id: Option<String>,
    /// ID of the run whose events are requested.
    run_id: Option<String>,
    /// Maximum number of messages.
    #[param(minimum = 1, maximum = 200, default = 200)]
    limit: Option<usize>,
    /// Cursor of the page before, as returned in `page.cursor`.
    before: Option<String>,
}

/// A chat, as TanStack AI's client restores it.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TanStackHistory {
    /// The newest messages, oldest first, in TanStack AI's form.
    #[schema(value_type = Vec<Object>)]
    pub messages: Vec<Value>,
    /// The run that goes on; null if there is none.
    #[schema(required = true)]
    pub active_run: Option<TanStackRun>,
    /// What the newest answer waits for; null if it waits for nothing.
    #[schema(required = true, value_type = Option<Object>)]
    pub interrupts: Option<Value>,
    /// Whether there are earlier messages.
    pub page: TanStackPage,
}

/// A run.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TanStackRun {
    /// ID of the run, for the `runId` parameter.
    pub run_id: String,
}

/// Where a page of messages ends.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub struct TanStackPage {
    /// Whether there are earlier messages.
    pub truncated: bool,
    /// Where they are, for the `before` parameter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// Restore a chat (TanStack AI)
///
/// With `threadId` the chat's messages. With `runId` the events of that run: from its start and then live;
/// whole if it has ended.
#[utoipa::path(get, path = "/api/ai/ag-ui", tag = "ag-ui", operation_id = "ag_ui_restore",
    params(Hydration),
    responses((status = 200, description = "The messages, or the events of the run",
        content((TanStackHistory = "application/json"), (Event = "text/event-stream")))))]
pub async fn restore(
    State(ai): State<Ai>,
    Extension(request_id): Extension<RequestId>,
    Extension(held): Extension<Held>,
    user: CurrentUser,
    Query(query): Query<Hydration>,
) -> Result<Response, ApiError> {
    match (&query.run_id, &query.thread_id) {
        (Some(run_id), _) => join(&ai, &user, &held, run_id, request_id.as_str()).await,
        (None, Some(thread_id)) => history(&ai, &user, &held, thread_id, &query).await,
        (None, None) => Err(ApiError::invalid("/threadId", "is missing: send threadId or runId")),
    }
}

async fn history(
    ai: &Ai,
    user: &CurrentUser,
    held: &Held,
    thread_id: &str,
    query: &Hydration,
) -> Result<Response, ApiError> {
    let limit = query.limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(ApiError::invalid("/limit", format!("must be 1 to {MAX_LIMIT}")));
    }
    let before = query.before.as_deref().map(str::parse).transpose()?;
    let chat_id = chat_ids::chat_id(user.id, thread_id);
    let running = run::running(ai, user, chat_id, held.clone()).await?;
    let running = running.and_then(|answer| message_id(&answer));
    let history = rows::history(ai, user, held, chat_id, limit, before).await?;
    let written = history.rows.iter().filter(|row| row.status != "streaming");
    Ok(Json(TanStackHistory {
        messages: written.map(message).collect(),
        active_run: running.map(|id| TanStackRun { run_id: id.to_string() }),
        interrupts: history.rows.last().and_then(interrupts),
        page: TanStackPage {
            truncated: history.before.is_some(),
            cursor: history.before.map(|cursor| cursor.to_string()),
        },
    })
    .into_response())
}

fn message_id(answer: &AnswerReceiver) -> Option<Uuid> {
    answer.borrow().claim.rows().map(|rows| rows.message_id)
}

fn message(row: &MessageRow) -> Value {
    let parts: Vec<_> = row.parts.iter().flat_map(part).collect();
    json!({ "id": row.id, "role": row.role, "parts": parts, "createdAt": row.created_at })
}

fn part(part: &Part) -> Vec<Value> {
    match part {
        Part::Text { text, .. } => vec![json!({ "type": "text", "content": text })],
        Part::Reasoning { text, .. } if !text.is_empty() => {
            vec![json!({ "type": "thinking", "content": text })]
        }
        Part::Tool(call) => tool(call),
        Part::Other(_) => file(part).into_iter().collect(),
        _ => Vec::new(),
    }
}

fn tool(call: &ToolPart) -> Vec<Value> {
    let state = match call.state {
        ToolState::InputStreaming => "input-streaming",
        _ => "input-complete",
    };
    let mut part = json!({
        "type": "tool-call", "id": call.id, "name": call.name, "arguments": call.arguments,
        "state": state,
    });
    if let Some(input) = call.input() {
        part["input"] = input.clone();
    }
    let Some(content) = result_text(call) else { return vec![part] };
    let (output, state) = match &call.state {
        ToolState::OutputAvailable { output, .. } => (output.clone(), "complete"),
        _ => (json!({ "error": content }), "error"),
    };
    part["output"] = output;
    let result = json!({
        "type": "tool-result", "toolCallId": call.id, "content": content, "state": state,
    });
    vec![part, result]
}

/// What a message waits for.
fn interrupts(row: &MessageRow) -> Option<Value> {
    let pending = waiting(&row.parts).into_iter().map(|(call, input)| interrupt(call, input));
    let pending: Vec<_> = pending.collect();
    let waits = row.status == "awaiting" && !pending.is_empty();
    waits.then(|| json!({ "runId": row.id, "pending": pending }))
}

/// The events of a run, named by the id that its client gave it or by that of its message.
async fn join(
    ai: &Ai,
    user: &CurrentUser,
    held: &Held,
    run_id: &str,
    request_id: &str,
) -> Result<Response, ApiError> {
    let message_id = run_id.parse().unwrap_or_else(|_| ids::answer_id(user.id, run_id));
    let ids = [message_id, ids::answer_id(user.id, run_id)];
    let (chat_id, rows) = find(ai, user, ids).await?;
    let answer = match run::running(ai, user, chat_id, held.clone()).await? {
        Some(answer) if self::message_id(&answer) == Some(rows.message_id) => answer,
        _ => {
            let claim = crate::agent::Claim::Answered(rows.clone());
            watch::channel(remote_answer::answer(&rows, claim)).1
        }
    };
    let run = Run {
        thread_id: chat_id.to_string(),
        run_id: run_id.to_owned(),
        is_version_1: false,
        is_tanstack: true,
        state: None,
        snapshot: None,
        request_id: request_id.to_owned(),
    };
    Ok(event_stream::respond(answer, EventEncoder::after(0, run)))
}

/// The chat and the message that has one of these ids.
async fn find(ai: &Ai, user: &CurrentUser, ids: [Uuid; 2]) -> Result<(Uuid, Rows), ApiError> {
    #[derive(Deserialize)]
    struct Row {
        id: Uuid,
        chat_id: Uuid,
    }
    let query = ai.supabase.rest(user.caller()).from("messages").select(messages::COLUMNS);
    let query = query.parameter("id", format_args!("in.({},{})", ids[0], ids[1]));
    let found = query.eq("role", "assistant").rows().await?;
    let row = found.first()?.ok_or_else(no_such_run)?;
    let unreadable = |error| ApiError::unreadable("message", error);
    let Row { id, chat_id } = serde_json::from_slice(&row).map_err(unreadable)?;
    let message = serde_json::from_slice(&row).map_err(unreadable)?;
    Ok((chat_id, Rows { message_id: id, message: Some(message), user_message: None }))
}

fn no_such_run() -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, "run_not_found", "There is no run with this id.")
}
