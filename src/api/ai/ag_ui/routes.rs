//! The route of AG-UI clients.

use axum::Extension;
use axum::extract::State;
use axum::response::Response;

use super::event::Event;
use super::model::RunAgentInput;
use super::run;
use crate::api::ai::Ai;
use crate::http::auth::CurrentUser;
use crate::http::error::{ApiError, Problem};
use crate::http::extract::HeldJson;
use crate::observability::logging::RequestId;

/// Run an agent (AG-UI)
///
/// The endpoint for AG-UI's `HttpAgent`, a `CopilotRuntime` and TanStack AI. `threadId` names the chat, which
/// is created if it does not exist. The last user message is stored and answered, with the stored history; a
/// message that was answered before is answered anew, unless the run is the same. A run that ends with the
/// results of the client's tools goes on with the answer that waits for them. A run with nothing new (without
/// messages, or with an answer last) only connects: its stream has the chat's messages (`MESSAGES_SNAPSHOT`)
/// and, if an answer is being written, its events. The generation continues on the server when the client
/// disconnects.
#[utoipa::path(post, path = "/api/ai/ag-ui", tag = "ag-ui", operation_id = "ag_ui_run",
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
