//! The routes of `/api/ai`.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::begin::{self, AnswerReceiver};
use super::model::{Answer, ChatAnswer, ChatGenerate, Generate, Model};
use super::request::{ChatRequest, accepts_events};
use super::stateless::{StatelessRecorder, StatelessRequest};
use super::{Ai, attachments, ids, stop, stream};
use crate::agent::{self, Claim, Credentials, Failure, Job, TokenUsage};
use crate::api::files::Owner;
use crate::api::messages::model::Message;
use crate::http::auth::CurrentUser;
use crate::http::error::{ApiError, Problem, shutting_down};
use crate::http::extract::{HeldJson, Path};
use crate::http::response;
use crate::observability::logging::RequestId;

/// List models
#[utoipa::path(get, path = "/api/ai/models", tag = "ai", operation_id = "list_models",
    responses((status = 200, description = "The models", body = Vec<Model>)))]
pub async fn models(State(ai): State<Ai>, _: CurrentUser) -> Response {
    axum::Json(ai.models()).into_response()
}

/// Generate an answer without a chat
///
/// Only usage is stored. The generation is cancelled when the client disconnects.
#[utoipa::path(post, path = "/api/ai/generate", tag = "ai", operation_id = "generate",
    request_body = Generate,
    responses((status = 200, description = "The answer, or its stream (AI SDK UI message stream v1)",
        content((Answer = "application/json"), (String = "text/event-stream")))))]
pub async fn generate(
    State(ai): State<Ai>,
    Extension(request_id): Extension<RequestId>,
    user: CurrentUser,
    headers: HeaderMap,
    HeldJson(body, held): HeldJson<Generate>,
) -> Result<Response, ApiError> {
    ai.limits.count_generation(user.id)?;
    let wants_stream = body.stream.unwrap_or_else(|| accepts_events(&headers));
    // As the history, as the model's turns, and as the request to the provider.
    held.grow(2 * held.bytes())?;
    let mut request = StatelessRequest::read(body, held)?;
    ai.check_model(request.model.as_deref())?;
    attachments::read(&ai, &user, &mut request).await?;
    let id = Uuid::now_v7();
    let job = stateless_job(&ai, &user, id, request);
    let mut answer = ai.generations.start_stateless(job).ok_or_else(shutting_down)?;
    if let Claim::Refused(refusal) = begin::wait_until_started(&mut answer).await? {
        return Err(refusal.into());
    }
    if wants_stream {
        return Ok(stream::respond(answer, request_id.as_str().to_owned()));
    }
    let answer = begin::wait_until_finished(answer).await?;
    Ok(axum::Json(stateless_answer(id, &answer)?).into_response())
}

fn stateless_job(ai: &Ai, user: &CurrentUser, id: Uuid, request: StatelessRequest) -> Job {
    let reserve = ai.reserve(&request.options, &[], request.model.as_deref());
    let recorder = StatelessRecorder {
        supabase: ai.supabase.clone(),
        clock: ai.clock.clone(),
        id,
        run: Uuid::new_v4(),
        reserve: reserve.map(|reserve| reserve.with_history(&request.history)),
        model: request.model,
        history: request.history,
        _held: request.held,
    };
    Job {
        recorder: Arc::new(recorder),
        credentials: Credentials::new(user.id, user.token.clone(), user.expires_at),
        options: request.options,
        tools: Vec::new(),
        operation: "generate",
        survives_disconnect: false,
    }
}

fn stateless_answer(id: Uuid, answer: &agent::Answer) -> Result<Answer, ApiError> {
    let word = |key: &str| answer.metadata.get(key).and_then(|value| value.as_str());
    let end = answer.end.as_ref().ok_or_else(|| ApiError::internal("an answer without an end"))?;
    Ok(Answer {
        id,
        model: word("model").unwrap_or_default().to_owned(),
        provider: word("provider").unwrap_or_default().to_owned(),
        content: answer.content(),
        parts: serde_json::to_value(&answer.parts)
            .map_err(|error| ApiError::internal(error.to_string()))?,
        finish_reason: end.finish_reason.clone(),
        usage: end.usage,
        cost_usd: end.cost_usd,
        latency_ms: end.latency_ms,
    })
}

/// Generate an answer in a chat
///
/// Stores the user message, generates an answer from the chat's history and stores it. The
/// generation continues on the server when the client disconnects. Sending the same message id again
/// never generates a second answer.
#[utoipa::path(post, path = "/api/ai/chat/{chat_id}/generate", tag = "ai",
    operation_id = "generate_in_chat",
    params(("chat_id" = String, Path, description = "The id of the chat: a UUID, or an id of the AI SDK")),
    request_body = ChatGenerate,
    responses((status = 200, description = "The answer, or its stream (AI SDK UI message stream v1)",
        content((ChatAnswer = "application/json"), (String = "text/event-stream"))),
        (status = 409, description = "Another answer is being written in this chat, or the message id is in use",
            body = Problem, content_type = "application/problem+json")))]
pub async fn generate_in_chat(
    State(ai): State<Ai>,
    Extension(request_id): Extension<RequestId>,
    user: CurrentUser,
    Path(chat_id): Path<String>,
    headers: HeaderMap,
    body: HeldJson<ChatGenerate>,
) -> Result<Response, ApiError> {
    let chat_id = ids::chat_id(user.id, &chat_id);
    answer_in_chat(&ai, &user, &request_id, chat_id, false, &headers, body).await
}

/// Generate an answer for the AI SDK's transport
///
/// The endpoint for `DefaultChatTransport` (`api: "/api/ai/chat"`). The `id` in the body names the chat,
/// which is created if it does not exist.
#[utoipa::path(post, path = "/api/ai/chat", tag = "ai", operation_id = "chat",
    request_body = ChatGenerate,
    responses((status = 200, description = "The answer, or its stream (AI SDK UI message stream v1)",
        content((ChatAnswer = "application/json"), (String = "text/event-stream"))),
        (status = 409, description = "Another answer is being written in this chat, or the message id is in use",
            body = Problem, content_type = "application/problem+json")))]
pub async fn chat(
    State(ai): State<Ai>,
    Extension(request_id): Extension<RequestId>,
    user: CurrentUser,
    headers: HeaderMap,
    body: HeldJson<ChatGenerate>,
) -> Result<Response, ApiError> {
    let Some(id) = body.0.id.as_deref().filter(|id| !id.is_empty() && id.len() <= 200) else {
        return Err(ApiError::invalid("/id", "is missing: it names the chat, 1 to 200 bytes"));
    };
    let chat_id = ids::chat_id(user.id, id);
    answer_in_chat(&ai, &user, &request_id, chat_id, true, &headers, body).await
}

async fn answer_in_chat(
    ai: &Ai,
    user: &CurrentUser,
    request_id: &RequestId,
    chat_id: Uuid,
    create_chat: bool,
    headers: &HeaderMap,
    HeldJson(body, held): HeldJson<ChatGenerate>,
) -> Result<Response, ApiError> {
    ai.limits.count_generation(user.id)?;
    let mut request = ChatRequest::read(body, chat_id, headers, held)?;
    ai.check_model(request.model.as_deref())?;
    attachments::prepare(ai, user, chat_id, create_chat, &mut request).await?;
    let wants_stream = request.stream;
    let answer = begin::start(ai, user, chat_id, create_chat, request).await?;
    if wants_stream {
        return Ok(stream::respond(answer, request_id.as_str().to_owned()));
    }
    whole(ai, user, answer).await
}

/// What [`ChatAnswer`] describes, with the rows as they came.
#[derive(Serialize)]
struct WholeAnswer<'a> {
    user_message: Option<&'a RawValue>,
    message: &'a RawValue,
    usage: TokenUsage,
    cost_usd: Option<f64>,
    latency_ms: u64,
}

async fn whole(ai: &Ai, user: &CurrentUser, answer: AnswerReceiver) -> Result<Response, ApiError> {
    let answer = begin::wait_until_finished(answer).await?;
    let end = answer.end.as_ref().ok_or_else(|| ApiError::internal("an answer without an end"))?;
    // Its chat was deleted meanwhile.
    let message = end.message.as_deref().ok_or(Failure::Lost)?;
    let rows = answer.claim.rows();
    let whole = WholeAnswer {
        user_message: rows.and_then(|rows| rows.user_message.as_deref()),
        message,
        usage: end.usage,
        cost_usd: end.cost_usd,
        latency_ms: end.latency_ms,
    };
    let whole =
        serde_json::to_vec(&whole).map_err(|error| ApiError::internal(error.to_string()))?;
    Ok(response::json(ai.files.with_signed_urls(&Owner::from(user), whole.into()).await))
}

/// Resume the stream of a running answer
///
/// Sends the stream from its start and continues live. 204 means that no answer is being written: read
/// the messages instead. The AI SDK's `resume` calls this endpoint by default.
#[utoipa::path(get, path = "/api/ai/chat/{chat_id}/stream", tag = "ai", operation_id = "resume_stream",
    params(("chat_id" = String, Path, description = "The id of the chat: a UUID, or an id of the AI SDK")),
    responses((status = 200, description = "The stream (AI SDK UI message stream v1)",
        body = String, content_type = "text/event-stream"),
        (status = 204, description = "No answer is being written")))]
pub async fn resume(
    State(ai): State<Ai>,
    Extension(request_id): Extension<RequestId>,
    user: CurrentUser,
    Path(chat_id): Path<String>,
) -> Result<Response, ApiError> {
    match begin::running(&ai, &user, ids::chat_id(user.id, &chat_id)).await {
        Ok(Some(answer)) => Ok(stream::respond(answer, request_id.as_str().to_owned())),
        Ok(None) => Ok(StatusCode::NO_CONTENT.into_response()),
        // The SDK looks here before the first message too, when its chat does not exist yet.
        Err(error) if error.status() == StatusCode::NOT_FOUND && !ids::is_uuid(&chat_id) => {
            Ok(StatusCode::NO_CONTENT.into_response())
        }
        Err(error) => Err(error),
    }
}

/// Stop a running answer
///
/// Works from any client and is idempotent. The part that was already generated is kept.
#[utoipa::path(post, path = "/api/ai/chat/{chat_id}/stop", tag = "ai", operation_id = "stop",
    params(("chat_id" = String, Path, description = "The id of the chat: a UUID, or an id of the AI SDK")),
    responses((status = 200, description = "The stopped answer, or the latest answer if none was running",
        body = Message),
        (status = 204, description = "The chat has no answers")))]
pub async fn stop(
    State(ai): State<Ai>,
    user: CurrentUser,
    Path(chat_id): Path<String>,
) -> Result<Response, ApiError> {
    let chat_id = ids::chat_id(user.id, &chat_id);
    match stop::stop(&ai, &user, chat_id).await? {
        Some(message) => Ok(response::json(message)),
        None => Ok(StatusCode::NO_CONTENT.into_response()),
    }
}
