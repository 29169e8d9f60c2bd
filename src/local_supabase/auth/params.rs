//! Request bodies, read as GoTrue reads them.

use axum::body::to_bytes;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::error::AuthError;

const BODY_LIMIT: usize = 1 << 20;

/// A JSON object, whatever the content type says. Unknown members are ignored, and `null` is as good
/// as absent.
pub(super) struct Params<T>(pub(super) T);

impl<S, T> FromRequest<S> for Params<T>
where
    S: Send + Sync,
    T: DeserializeOwned,
{
    type Rejection = AuthError;

    async fn from_request(request: Request, _: &S) -> Result<Self, AuthError> {
        let body = read(request).await?;
        parse(&body).map(Self).map_err(|error| bad_json(&error))
    }
}

/// The same where a body may be left out.
pub(super) struct OptionalParams<T>(pub(super) T);

impl<S, T> FromRequest<S> for OptionalParams<T>
where
    S: Send + Sync,
    T: Default + DeserializeOwned,
{
    type Rejection = AuthError;

    async fn from_request(request: Request, _: &S) -> Result<Self, AuthError> {
        let body = read(request).await?;
        if body.is_empty() {
            return Ok(Self(T::default()));
        }
        parse(&body).map(Self).map_err(|error| bad_json(&error))
    }
}

async fn read(request: Request) -> Result<Bytes, AuthError> {
    to_bytes(request.into_body(), BODY_LIMIT).await.map_err(|_| {
        let message = "Could not read request body: larger than 1 MiB or broken off";
        AuthError::new(StatusCode::PAYLOAD_TOO_LARGE, "bad_json", message)
    })
}

/// Goes through a map, because of several members of one name the last one counts.
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
