//! Request bodies, parsed as GoTrue does.

use std::sync::Arc;

use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::error::AuthError;
use crate::body::{self, ANON_MAX_BYTES, BodyError};
use crate::context::Context;
use crate::role::Role;
use memory::{Full, Held};

/// A JSON object, whatever the content type. Unknown members are ignored, and `null` means absent.
pub(super) struct Params<T>(pub(super) T);

impl<T> FromRequest<Arc<Context>> for Params<T>
where
    T: DeserializeOwned,
{
    type Rejection = AuthError;

    async fn from_request(request: Request, context: &Arc<Context>) -> Result<Self, AuthError> {
        let (body, _held) = read(request, context).await?;
        parse(&body).map(Self).map_err(|error| bad_json(&error))
    }
}

/// The same for an optional body.
pub(super) struct OptionalParams<T>(pub(super) T);

impl<T> FromRequest<Arc<Context>> for OptionalParams<T>
where
    T: Default + DeserializeOwned,
{
    type Rejection = AuthError;

    async fn from_request(request: Request, context: &Arc<Context>) -> Result<Self, AuthError> {
        let (body, _held) = read(request, context).await?;
        if body.is_empty() {
            return Ok(Self(T::default()));
        }
        parse(&body).map(Self).map_err(|error| bad_json(&error))
    }
}

/// A caller who signs in has no access token yet, so the limits are those of callers without one.
async fn read(request: Request, context: &Context) -> Result<(Bytes, Held), AuthError> {
    let (parts, body) = request.into_parts();
    let read = body::read(&context.memory, Role::Anon, &parts.headers, body, ANON_MAX_BYTES).await;
    read.map_err(|error| match error {
        BodyError::TooLarge | BodyError::Full(Full::Never) => {
            let message = "Could not read request body: larger than 128 KiB";
            AuthError::new(StatusCode::PAYLOAD_TOO_LARGE, "bad_json", message)
        }
        BodyError::Broken => {
            AuthError::bad_request("bad_json", "Could not read request body: broken off")
        }
        BodyError::TooSlow => {
            let message = "Processing this request timed out, please retry after a moment.";
            AuthError::new(StatusCode::GATEWAY_TIMEOUT, "request_timeout", message)
        }
        BodyError::Full(_) => {
            let message = "Too many requests in flight, please retry after a moment.";
            AuthError::new(StatusCode::TOO_MANY_REQUESTS, "over_request_rate_limit", message)
        }
    })
}

/// Parses into a map first, so that the last of several members of one name counts.
fn parse<T: DeserializeOwned>(body: &[u8]) -> serde_json::Result<T> {
    let members: Option<Map<String, Value>> = serde_json::from_slice(body)?;
    let mut members = members.unwrap_or_default();
    members.retain(|_, value| !value.is_null());
    serde_json::from_value(Value::Object(members))
}

fn bad_json(error: &serde_json::Error) -> AuthError {
    let reason = match error.is_eof() {
        true => "unexpected end of JSON input".to_owned(),
        false => error.to_string(),
    };
    AuthError::bad_request("bad_json", format!("Could not parse request body as JSON: {reason}"))
}
