//! Starts an answer, or joins the one that is there already.

use std::sync::Arc;

use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::sync::watch;
use uuid::Uuid;

use super::chat_recorder::ChatRecorder;
use super::hand_over::TakeOver;
use super::request::ChatRequest;
use super::{Ai, remote_answer, stop};
use crate::agent::{Answer, AnyTool, Claim, Credentials, Job, Refusal, Rows};
use crate::api::messages;
use crate::http::auth::CurrentUser;
use crate::http::error::{ApiError, for_end, shutting_down};

/// How often a request with `if_running: "stop"` stops others before it is refused itself.
const MAX_STOPS: u32 = 3;

/// An answer that can be listened to.
pub(super) type AnswerReceiver = watch::Receiver<Answer>;

/// Starts what the request asks for, or joins what answers the same question. The answer has begun: what
/// fails from here on is part of it.
pub(super) async fn start(
    ai: &Ai,
    user: &CurrentUser,
    chat_id: Uuid,
    create_chat: bool,
    request: ChatRequest,
) -> Result<AnswerReceiver, ApiError> {
    let tools = tools(ai, &request.tools)?;
    let request = Arc::new(request);
    let mut stops = 0;
    loop {
        let mut answer = spawn(ai, user, chat_id, create_chat, &request, &tools)?;
        match wait_until_started(&mut answer).await? {
            Claim::Refused(Refusal::Busy { .. }) if request.stop_running && stops < MAX_STOPS => {
                stops += 1;
                stop::stop(ai, user, chat_id).await?;
            }
            Claim::Refused(refusal) => return Err(refusal.into()),
            Claim::Elsewhere(rows) => return Ok(ai.followers.follow(chat_id, &rows, &user.token)),
            claim @ Claim::Answered(_) => {
                let rows = claim.rows().cloned();
                let stored = rows.map(|rows| remote_answer::answer(&rows, claim));
                return Ok(watch::channel(stored.unwrap_or_default()).1);
            }
            Claim::Granted(_) | Claim::Pending => return Ok(answer),
        }
    }
}

/// Goes on with an answer of a replica that is being stopped; it has been claimed.
pub(super) async fn take_over(
    ai: &Ai,
    user: &CurrentUser,
    (chat_id, message_id): (Uuid, Uuid),
    request: ChatRequest,
    from: TakeOver,
) -> Result<(), ApiError> {
    let tools = tools(ai, &request.tools)?;
    let request = Arc::new(request);
    let recorder = ChatRecorder {
        message_id,
        take_over: Some(from),
        ..recorder(ai, chat_id, false, &request, &tools)
    };
    let job = job(user, recorder, &request, &tools);
    let generation = ai.generations.start(chat_id, None, job).ok_or_else(not_taken_over)?;
    let mut answer = generation.answer;
    let is_known =
        |answer: &Answer| !matches!(answer.claim, Claim::Pending) || answer.end.is_some();
    let known = answer.wait_for(is_known).await;
    let known = known.map_err(|_| ApiError::internal("a generation ended without a word"))?;
    match (&known.claim, &known.end) {
        (Claim::Refused(refusal), _) => Err(refusal.clone().into()),
        (Claim::Granted(_) | Claim::Elsewhere(_), _) => Ok(()),
        (_, Some(end)) => Err(for_end(end)),
        _ => Err(ApiError::internal("an answer that was taken over is another")),
    }
}

/// A 4xx: the other replica goes on itself.
fn not_taken_over() -> ApiError {
    ApiError::new(StatusCode::CONFLICT, "not_taken_over", "This replica is being stopped as well.")
}

fn spawn(
    ai: &Ai,
    user: &CurrentUser,
    chat_id: Uuid,
    create_chat: bool,
    request: &Arc<ChatRequest>,
    tools: &[Arc<dyn AnyTool>],
) -> Result<AnswerReceiver, ApiError> {
    let question = request.repeatable_question();
    let recorder = recorder(ai, chat_id, create_chat, request, tools);
    let job = job(user, recorder, request, tools);
    let generation = ai.generations.start(chat_id, question, job).ok_or_else(shutting_down)?;
    Ok(generation.answer)
}

fn recorder(
    ai: &Ai,
    chat_id: Uuid,
    create_chat: bool,
    request: &Arc<ChatRequest>,
    tools: &[Arc<dyn AnyTool>],
) -> ChatRecorder {
    ChatRecorder {
        supabase: ai.supabase.clone(),
        checkpoints: ai.checkpoints.clone(),
        files: ai.files.clone(),
        providers: ai.providers.clone(),
        clock: ai.clock.clone(),
        chat_id,
        message_id: Uuid::now_v7(),
        run: Uuid::new_v4(),
        request: request.clone(),
        default_model: ai.providers.default_model().to_owned(),
        create_chat,
        reserve: ai.reserve(&request.options, tools, request.model.as_deref()),
        followers: ai.followers.clone(),
        take_over: None,
    }
}

fn job(
    user: &CurrentUser,
    recorder: ChatRecorder,
    request: &ChatRequest,
    tools: &[Arc<dyn AnyTool>],
) -> Job {
    Job {
        recorder: Arc::new(recorder),
        credentials: Credentials::new(user.id, user.token.clone(), user.expires_at),
        options: request.options.clone(),
        tools: tools.to_vec(),
        operation: "chat",
        survives_disconnect: true,
    }
}

/// The tools that a request names.
fn tools(ai: &Ai, names: &[String]) -> Result<Vec<Arc<dyn AnyTool>>, ApiError> {
    let find = |(index, name): (usize, &String)| {
        let tool = ai.tools.iter().find(|tool| tool.name() == name);
        tool.cloned().ok_or_else(|| {
            let known: Vec<_> = ai.tools.iter().map(|tool| tool.name()).collect();
            let detail = format!("is not a tool of this server; it has: {}", known.join(", "));
            ApiError::invalid(format!("/tools/{index}"), detail)
        })
    };
    names.iter().enumerate().map(find).collect()
}

/// Waits until the answer has begun: its first content, ten seconds of silence, or its end.
pub(super) async fn wait_until_started(answer: &mut AnswerReceiver) -> Result<Claim, ApiError> {
    let started = answer
        .wait_for(|answer| match answer.claim {
            Claim::Pending | Claim::Granted(_) => answer.is_visible || answer.end.is_some(),
            _ => true,
        })
        .await
        .map_err(|_| ApiError::internal("a generation ended without a word"))?;
    match &started.end {
        Some(end) if end.failure.is_some() && !started.is_visible => Err(for_end(end)),
        _ => Ok(started.claim.clone()),
    }
}

/// Waits for the end. A failure is a problem, whatever was produced before.
pub(super) async fn wait_until_finished(mut answer: AnswerReceiver) -> Result<Answer, ApiError> {
    let finished = answer.wait_for(|answer| answer.end.is_some()).await;
    let finished = finished
        .map_err(|_| {
            ApiError::new(
                StatusCode::BAD_GATEWAY,
                "generation_lost",
                "The answer cannot be followed any longer. Read the chat's messages again.",
            )
        })?
        .clone();
    match &finished.end {
        Some(end) if end.failure.is_some() => Err(for_end(end)),
        _ => Ok(finished),
    }
}

/// The answer that is being written in the chat, here or elsewhere.
pub(super) async fn running(
    ai: &Ai,
    user: &CurrentUser,
    chat_id: Uuid,
) -> Result<Option<AnswerReceiver>, ApiError> {
    if let Some(generation) = ai.generations.in_chat(user.id, chat_id) {
        let mut answer = generation.answer;
        if let Claim::Granted(_) = wait_until_started(&mut answer).await? {
            return Ok(Some(answer));
        }
        // It has found that another replica writes, or that there is nothing to write: the database knows.
    }
    let row = streaming_message(ai, user, chat_id).await?;
    Ok(row.map(|rows| ai.followers.follow(chat_id, &rows, &user.token)))
}

/// The chat's streaming message; 404 when the chat is not the user's.
async fn streaming_message(
    ai: &Ai,
    user: &CurrentUser,
    chat_id: Uuid,
) -> Result<Option<Rows>, ApiError> {
    #[derive(Deserialize)]
    struct Chat {
        messages: Vec<Box<RawValue>>,
    }
    #[derive(Deserialize)]
    struct Row {
        id: Uuid,
    }
    let query = ai.supabase.rest(user.caller()).from("chats").eq("id", chat_id);
    let query = query
        .select(&format!("messages({})", messages::COLUMNS))
        .parameter("messages.current_status", "eq.streaming")
        .parameter("messages.limit", 1);
    let mut chats: Vec<Chat> = query.value().await?;
    let chat = chats.pop().ok_or_else(|| ApiError::not_found("chat"))?;
    let Some(message) = chat.messages.into_iter().next() else { return Ok(None) };
    let row: Row = serde_json::from_str(message.get())
        .map_err(|error| ApiError::unreadable("message", error))?;
    Ok(Some(Rows { message_id: row.id, message: Some(message), user_message: None }))
}
