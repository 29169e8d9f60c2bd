//! The routes of `/v1`.

use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use uuid::Uuid;

use super::chunk::Chunk;
use super::completion::completion;
use super::encoder::ChunkEncoder;
use super::model::{ChatCompletion, ChatCompletionRequest, ModelList, OpenAiModel};
use super::request;
use super::start::{do_not_retry, no_such_model, start};
use crate::api::ai::{Ai, begin};
use crate::http::auth::CurrentUser;
use crate::http::error::ApiError;
use crate::http::event_stream;
use crate::http::extract::{HeldJson, Path};
use crate::observability::logging::RequestId;

/// List models (OpenAI)
///
/// Returns the models that can be used, in OpenAI's shape.
#[utoipa::path(get, path = "/v1/models", tag = "openai", operation_id = "openai_list_models",
    responses((status = 200, description = "The models that answer", body = ModelList)))]
pub async fn models(State(ai): State<Ai>, _: CurrentUser) -> Response {
    axum::Json(ModelList { object: "list".to_owned(), data: available(&ai) }).into_response()
}

/// Get a model (OpenAI)
///
/// A `/` in the id is sent as `%2F`.
#[utoipa::path(get, path = "/v1/models/{id}", tag = "openai", operation_id = "openai_get_model",
    params(("id" = String, Path, description = "ID of the model, with `/` as `%2F`")),
    responses((status = 200, description = "The model", body = OpenAiModel)))]
pub async fn model(
    State(ai): State<Ai>,
    _: CurrentUser,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let model = available(&ai).into_iter().find(|model| model.id == id);
    let model = model.ok_or_else(|| no_such_model(&id))?;
    Ok(axum::Json(model).into_response())
}

fn available(ai: &Ai) -> Vec<OpenAiModel> {
    let models = ai.models().into_iter().filter(|model| model.available);
    let models = models.map(|model| OpenAiModel {
        id: model.id,
        object: "model".to_owned(),
        created: 0,
        owned_by: model.provider,
    });
    models.collect()
}

/// Create a chat completion (OpenAI)
///
/// The endpoint for OpenAI's SDKs and what is built on them: `base_url` is this server's address with
/// `/v1`, the API key is the user's access token. Only usage is stored. Calls of functions are returned, not
/// run. The generation is cancelled when the client disconnects.
#[utoipa::path(post, path = "/v1/chat/completions", tag = "openai",
    operation_id = "openai_create_chat_completion",
    request_body = ChatCompletionRequest,
    responses((status = 200, description = "The completion, or its stream",
        content((ChatCompletion = "application/json"), (Chunk = "text/event-stream")))))]
pub async fn chat_completions(
    State(ai): State<Ai>,
    Extension(request_id): Extension<RequestId>,
    user: CurrentUser,
    HeldJson(body, held): HeldJson<ChatCompletionRequest>,
) -> Result<Response, ApiError> {
    ai.count_generation(&user)?;
    // As the history, as the model's turns, and as the request to the provider.
    held.grow(2 * held.bytes())?;
    let wants_stream = body.stream.unwrap_or_default();
    let options = body.stream_options.as_ref();
    let includes_usage = options.and_then(|options| options.include_usage).unwrap_or_default();
    let request = request::read(body, held)?;
    let (id, created) = (Uuid::now_v7(), ai.clock.unix_seconds());
    let answer = start(&ai, &user, id, request).await?;
    let id = format!("chatcmpl-{}", id.simple());
    if wants_stream {
        let request_id = request_id.as_str().to_owned();
        let encoder = ChunkEncoder::new(id, created, includes_usage, request_id);
        return Ok(event_stream::respond(answer, encoder));
    }
    let answer = begin::wait_until_finished(answer).await.map_err(do_not_retry)?;
    Ok(axum::Json(completion(id, created, &answer)?).into_response())
}
