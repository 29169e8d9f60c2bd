//! Starts an answer of `/v1`, and says whether a failed request should be sent again.

use axum::http::{HeaderName, HeaderValue, StatusCode};
use uuid::Uuid;

use crate::api::ai::begin::AnswerReceiver;
use crate::api::ai::stateless::StatelessRequest;
use crate::api::ai::{Ai, generate};
use crate::http::auth::CurrentUser;
use crate::http::error::ApiError;

/// SDKs send a failed request again by themselves, unless its response says that they should not.
const X_SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");

/// Starts an answer and waits for its first content.
pub(super) async fn start(
    ai: &Ai,
    user: &CurrentUser,
    id: Uuid,
    request: StatelessRequest,
) -> Result<AnswerReceiver, ApiError> {
    check_model(ai, request.model.as_deref())?;
    generate::start(ai, user, id, request).await.map_err(unless_it_may_cost)
}

fn check_model(ai: &Ai, model: Option<&str>) -> Result<(), ApiError> {
    let is_unknown = |error: &ApiError| error.status() == StatusCode::UNPROCESSABLE_ENTITY;
    ai.check_model(model).map_err(|error| match model {
        Some(model) if is_unknown(&error) => no_such_model(model),
        _ => error,
    })
}

/// 404 for a model.
pub(super) fn no_such_model(id: &str) -> ApiError {
    let detail = format!("There is no model {id} on this server. GET /v1/models lists the models.");
    ApiError::new(StatusCode::NOT_FOUND, "model_not_found", detail)
}

/// A provider that was too slow may go on, and a day's tokens do not come back within a client's patience.
fn unless_it_may_cost(error: ApiError) -> ApiError {
    let is_futile = error.code() == "daily_limit_exceeded";
    if is_futile || error.status() == StatusCode::GATEWAY_TIMEOUT {
        return do_not_retry(error);
    }
    error
}

/// There was an answer, which has been paid for.
pub(super) fn do_not_retry(error: ApiError) -> ApiError {
    error.with_header(X_SHOULD_RETRY, HeaderValue::from_static("false"))
}
