//! The route of the Responses API.

use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Response as HttpResponse};
use uuid::Uuid;

use super::encoder::EventEncoder;
use super::model::{Response, ResponseEvent, ResponseRequest};
use super::output::{Heading, response};
use super::request;
use crate::api::ai::{Ai, begin};
use crate::api::openai::start::{do_not_retry, start};
use crate::http::auth::CurrentUser;
use crate::http::error::ApiError;
use crate::http::event_stream;
use crate::http::extract::HeldJson;
use crate::observability::logging::RequestId;

/// Create a response (OpenAI)
///
/// OpenAI's Responses API without what it stores: each request brings its whole conversation. Only usage is
/// stored. Calls of functions are returned, not run. The generation is cancelled when the client disconnects.
#[utoipa::path(post, path = "/v1/responses", tag = "openai",
    operation_id = "openai_create_response",
    request_body = ResponseRequest,
    responses((status = 200, description = "The response, or its events",
        content((Response = "application/json"), (ResponseEvent = "text/event-stream")))))]
pub async fn responses(
    State(ai): State<Ai>,
    Extension(request_id): Extension<RequestId>,
    user: CurrentUser,
    HeldJson(body, held): HeldJson<ResponseRequest>,
) -> Result<HttpResponse, ApiError> {
    ai.count_generation(&user)?;
    // As the history, as the model's turns, and as the request to the provider.
    held.grow(2 * held.bytes())?;
    let wants_stream = body.stream.unwrap_or_default();
    let request = request::read(body, held)?;
    let (id, created_at) = (Uuid::now_v7(), ai.clock.unix_seconds());
    let answer = start(&ai, &user, id, request).await?;
    let heading = Heading { id: format!("resp_{}", id.simple()), created_at };
    if wants_stream {
        let encoder = EventEncoder::new(heading, request_id.as_str().to_owned());
        return Ok(event_stream::respond(answer, encoder));
    }
    let answer = begin::wait_until_finished(answer).await.map_err(do_not_retry)?;
    Ok(axum::Json(response(&heading, &answer, answer.end.as_deref())).into_response())
}
