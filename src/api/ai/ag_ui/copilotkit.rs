//! The routes of CopilotKit's REST transport, for browsers without its Node runtime.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::event::Event;
use super::model::RunAgentInput;
use super::run;
use crate::api::ai::{Ai, ids, stop};
use crate::http::auth::CurrentUser;
use crate::http::error::{ApiError, Problem};
use crate::http::extract::{HeldJson, Path};
use crate::observability::logging::RequestId;

/// What a runtime offers.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CopilotInfo {
    /// Version of this server.
    pub version: String,
    /// The agents: one, `default`. Any other ID means the same one.
    pub agents: CopilotAgents,
    /// Always `sse`.
    #[schema(example = "sse")]
    pub mode: String,
    /// Always false.
    pub audio_file_transcription_enabled: bool,
}

/// The agents.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub struct CopilotAgents {
    /// The agent.
    pub default: CopilotAgent,
}

/// An agent.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct CopilotAgent {
    pub name: String,
    pub description: String,
    pub class_name: String,
}

/// Whether a run was stopped.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub struct CopilotStopped {
    /// Always true: nothing is running any more.
    pub stopped: bool,
}

/// Describe the runtime (CopilotKit)
///
/// Names the one agent that this server has: `default`.
#[utoipa::path(get, path = "/api/ai/copilotkit/info", tag = "ag-ui", operation_id = "copilotkit_info",
    responses((status = 200, description = "What the runtime offers", body = CopilotInfo)))]
pub async fn info(_: CurrentUser) -> Response {
    let default = CopilotAgent {
        name: "default".to_owned(),
        description: "The chats of this server".to_owned(),
        class_name: "HttpAgent".to_owned(),
    };
    Json(CopilotInfo {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        agents: CopilotAgents { default },
        mode: "sse".to_owned(),
        audio_file_transcription_enabled: false,
    })
    .into_response()
}

/// Run an agent (CopilotKit)
///
/// The same as `POST /api/ai/ag-ui`.
#[utoipa::path(post, path = "/api/ai/copilotkit/agent/{agent_id}/run", tag = "ag-ui",
    operation_id = "copilotkit_run",
    params(("agent_id" = String, Path, description = "ID of the agent: `default`")),
    request_body = RunAgentInput,
    responses((status = 200, description = "The events of the run", body = Event,
        content_type = "text/event-stream"),
        (status = 409, description = "Another answer is being written in this chat, or an ID is already in use",
            body = Problem, content_type = "application/problem+json")))]
pub async fn run(
    State(ai): State<Ai>,
    Extension(request_id): Extension<RequestId>,
    user: CurrentUser,
    HeldJson(input, held): HeldJson<RunAgentInput>,
) -> Result<Response, ApiError> {
    run::run(&ai, &user, input, held, request_id.as_str()).await
}

/// Connect to a chat (CopilotKit)
///
/// The chat's newest messages (`MESSAGES_SNAPSHOT`) and, if an answer is being written, its events from the
/// start and then live.
#[utoipa::path(post, path = "/api/ai/copilotkit/agent/{agent_id}/connect", tag = "ag-ui",
    operation_id = "copilotkit_connect",
    params(("agent_id" = String, Path, description = "ID of the agent: `default`")),
    request_body = RunAgentInput,
    responses((status = 200, description = "The events", body = Event,
        content_type = "text/event-stream")))]
pub async fn connect(
    State(ai): State<Ai>,
    Extension(request_id): Extension<RequestId>,
    user: CurrentUser,
    HeldJson(input, held): HeldJson<RunAgentInput>,
) -> Result<Response, ApiError> {
    run::connect(&ai, &user, input, held, request_id.as_str()).await
}

/// Stop the running answer (CopilotKit)
///
/// Idempotent. The part that was already generated is kept.
#[utoipa::path(post, path = "/api/ai/copilotkit/agent/{agent_id}/stop/{thread_id}", tag = "ag-ui",
    operation_id = "copilotkit_stop",
    params(("agent_id" = String, Path, description = "ID of the agent: `default`"),
        ("thread_id" = String, Path, description = "ID of the chat")),
    responses((status = 200, description = "Nothing is running any more", body = CopilotStopped)))]
pub async fn stop(
    State(ai): State<Ai>,
    user: CurrentUser,
    Path((_, thread_id)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    stop::stop(&ai, &user, ids::chat_id(user.id, &thread_id)).await?;
    Ok(Json(CopilotStopped { stopped: true }).into_response())
}
