//! Starts an answer, or joins the one that is there already.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use axum::http::StatusCode;
use serde_json::value::RawValue;
use tokio::sync::watch;
use uuid::Uuid;

use super::chat_recorder::{ChatRecorder, QueueReply};
use super::hand_over::TakeOver;
use super::offered_tools::OfferedTools;
use super::request::ChatRequest;
use super::{Ai, assistants, attachments, remote_answer, stop};
use crate::agent::{Answer, Claim, Credentials, Job, Refusal, Rows};
use crate::api::files::Owner;
use crate::http::auth::CurrentUser;
use crate::http::error::{ApiError, for_end, shutting_down};

/// How often a request with `if_running: "stop"` stops others before it is refused itself.
const MAX_STOPS: u32 = 3;

/// An answer that can be listened to.
pub(in crate::api) type AnswerReceiver = watch::Receiver<Answer>;

/// What becomes of a request.
pub(super) enum Outcome {
    /// There is an answer.
    Answer {
        /// The answer.
        answer: AnswerReceiver,
        /// Whether messages wait for its end.
        has_queue: bool,
    },
    /// The user message waits.
    Queued {
        /// Its id.
        message_id: Uuid,
        /// Its row.
        message: Box<RawValue>,
    },
}

/// Starts what the request asks for, or joins what answers the same question, whatever is being written.
pub(super) async fn start(
    ai: &Ai,
    user: &CurrentUser,
    chat_id: Uuid,
    create_chat: bool,
    request: ChatRequest,
) -> Result<AnswerReceiver, ApiError> {
    match start_or_queue(ai, user, chat_id, create_chat, ChatRequest { queue: None, ..request })
        .await?
    {
        Outcome::Answer { answer, .. } => Ok(answer),
        Outcome::Queued { .. } => Err(Refusal::Queued.into()),
    }
}

/// Starts what the request asks for, joins what answers the same question, or lets it wait. An answer has
/// started: what fails from here on is part of it.
pub(super) async fn start_or_queue(
    ai: &Ai,
    user: &CurrentUser,
    chat_id: Uuid,
    create_chat: bool,
    request: ChatRequest,
) -> Result<Outcome, ApiError> {
    let mut request = assistants::settle(ai, user, chat_id, create_chat, request).await?;
    let offered = OfferedTools::new(ai, user, &request).await?;
    attachments::prepare(ai, user, chat_id, create_chat, &mut request, &offered).await?;
    let request = Arc::new(request);
    let mut stops = 0;
    loop {
        let queue = Arc::default();
        let mut answer = spawn(ai, user, chat_id, create_chat, &request, &offered, &queue)?;
        match wait_until_started(&mut answer).await? {
            Claim::Refused(Refusal::Queued) => {
                let Some(message) = queue.message.get().cloned() else {
                    // It was sent twice at the same time, and the other request has stored it.
                    continue;
                };
                let message_id = request.user_message.as_ref().map(|turn| turn.id);
                let message_id = message_id.ok_or_else(|| ApiError::internal("nothing waits"))?;
                return Ok(Outcome::Queued { message_id, message });
            }
            Claim::Refused(Refusal::Busy { .. }) if request.stop_running && stops < MAX_STOPS => {
                stops += 1;
                stop::stop(ai, user, chat_id).await?;
            }
            Claim::Refused(refusal) => return Err(refusal.into()),
            Claim::Elsewhere(rows) => {
                // A continuation is recognised by the database alone, and may run here. What has only asked
                // for it, as this call has, writes nothing.
                let here = ai.generations.writing(chat_id, rows.message_id);
                let here = here.filter(|generation| generation.is_of(user.id));
                let follow = || ai.followers.follow(chat_id, &rows, user);
                let answer = here.map_or_else(follow, |generation| generation.answer);
                return Ok(Outcome::Answer { answer, has_queue: false });
            }
            claim @ Claim::Answered(_) => {
                let rows = match claim.rows() {
                    Some(rows) => Some(signed(ai, user, rows.clone()).await),
                    None => None,
                };
                let stored = rows.map(|rows| remote_answer::answer(&rows, claim));
                let answer = watch::channel(stored.unwrap_or_default()).1;
                return Ok(Outcome::Answer { answer, has_queue: false });
            }
            Claim::Granted(_) | Claim::Pending => {
                let has_queue = queue.has_others.load(Ordering::Relaxed);
                return Ok(Outcome::Answer { answer, has_queue });
            }
        }
    }
}

/// The rows with addresses that browsers can load files from.
async fn signed(ai: &Ai, user: &CurrentUser, rows: Rows) -> Rows {
    let Some(message) = &rows.message else { return rows };
    let signed = ai.files.rows_with_signed_urls(&Owner::from(user), &[message]).await;
    match signed.and_then(|mut signed| signed.pop()) {
        Some(message) => Rows { message: Some(message), ..rows },
        None => rows,
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
    let assistant = from.assistant().map(|id| ai.assistant(user, id)).transpose()?;
    let request = ChatRequest { terms: Some(ai.terms(user, assistant)), ..request };
    let offered = OfferedTools::new(ai, user, &request).await?;
    let request = Arc::new(request);
    let recorder = ChatRecorder {
        message_id,
        take_over: Some(Box::new(from)),
        ..recorder(ai, chat_id, false, &request, &offered, &Arc::default())
    };
    let job = job(user, recorder, &request, &offered);
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
    offered: &OfferedTools,
    queue: &Arc<QueueReply>,
) -> Result<AnswerReceiver, ApiError> {
    let question = request.repeatable_question();
    let recorder = recorder(ai, chat_id, create_chat, request, offered, queue);
    let job = job(user, recorder, request, offered);
    let generation = ai.generations.start(chat_id, question, job).ok_or_else(shutting_down)?;
    Ok(generation.answer)
}

fn recorder(
    ai: &Ai,
    chat_id: Uuid,
    create_chat: bool,
    request: &Arc<ChatRequest>,
    offered: &OfferedTools,
    queue: &Arc<QueueReply>,
) -> ChatRecorder {
    ChatRecorder {
        supabase: ai.supabase.clone(),
        checkpoints: ai.checkpoints.clone(),
        files: ai.files.clone(),
        texts: ai.texts.clone(),
        providers: ai.providers.clone(),
        clock: ai.clock.clone(),
        chat_id,
        message_id: request.continues.or(request.answer_id).unwrap_or_else(Uuid::now_v7),
        run: Uuid::new_v4(),
        request: Mutex::new(Some(request.clone())),
        continues: request.continues,
        held: request.held.clone(),
        create_chat,
        reserve: ai.reserve(
            &request.terms.clone().unwrap_or_default(),
            &request.options,
            &offered.definitions(),
            request.model.as_deref(),
        ),
        queue: queue.clone(),
        followers: ai.followers.clone(),
        seal_keys: ai.seal_keys.clone(),
        take_over: None,
    }
}

fn job(
    user: &CurrentUser,
    recorder: ChatRecorder,
    request: &ChatRequest,
    offered: &OfferedTools,
) -> Job {
    Job {
        chat_id: Some(recorder.chat_id),
        recorder: Arc::new(recorder),
        credentials: Credentials::new(user.id, user.token.clone(), user.expires_at),
        terms: request.terms.clone().unwrap_or_default(),
        role: user.role.clone(),
        options: request.options.clone(),
        tools: offered.job_tools(),
        client_tools: offered.client_tools(),
        operation: "chat",
        survives_disconnect: true,
    }
}

/// Waits until the answer has started: its first content, ten seconds of silence, or its end.
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
pub(in crate::api) async fn wait_until_finished(
    mut answer: AnswerReceiver,
) -> Result<Answer, ApiError> {
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
