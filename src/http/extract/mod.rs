//! Extractors whose problems say which field is invalid, why, and what to send instead.

use axum::RequestPartsExt;
use axum::body::Bytes;
use axum::extract::{FromRef, FromRequest, FromRequestParts, RawPathParams, Request};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use percent_encoding::percent_decode_str;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::compute::compute;
use crate::http::error::{ApiError, FieldError};
use crate::http::rate_limit::Limits;
use crate::json::may_contain;
use crate::memory::{Held, ReadError, json_cost, read};

mod keyed;
mod page;
mod fields;
mod wording;

pub use fields::{
    Object, nullable, object, optional_object, optional_objects, or_default, present,
};
pub use keyed::{Cursor, Keyed, SortOrder};
pub use page::{Page, PageQuery, next_link};

/// The maximum size of request bodies on the routes below it, in bytes, where it is not the ordinary one: an
/// extension of their requests.
#[derive(Clone, Copy, Debug)]
pub struct MaxBody(pub usize);

/// A longer body takes milliseconds to parse, which nobody else waits for.
const SHORT: usize = 128 << 10;

/// A JSON body. 400 if it is malformed, 413 if it is too large, 415 for another content type, 422 with
/// a pointer to an invalid field.
pub struct Json<T>(pub T);

impl<S, T> FromRequest<S> for Json<T>
where
    S: Send + Sync,
    T: DeserializeOwned + Send + 'static,
    Limits: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        HeldJson::from_request(request, state).await.map(|HeldJson(value, _)| Self(value))
    }
}

/// The same, with the memory charge of the request, for values that outlive it.
pub struct HeldJson<T>(pub T, pub Held);

impl<S, T> FromRequest<S> for HeldJson<T>
where
    S: Send + Sync,
    T: DeserializeOwned + Send + 'static,
    Limits: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let limits = Limits::from_ref(state);
        require_json(&request)?;
        let (body, held) = read_body(request, &limits).await?;
        parse_json(body, &held).await.map(|value| Self(value, held))
    }
}

/// A JSON body that the handler reads in parts, so that one which cannot be read spoils no other.
pub struct JsonText {
    body: Bytes,
    held: Held,
}

impl<S: Send + Sync> FromRequest<S> for JsonText
where
    Limits: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let limits = Limits::from_ref(state);
        require_json(&request)?;
        let (body, held) = read_body(request, &limits).await?;
        held.grow(json_cost(&body))?;
        Ok(Self { body, held })
    }
}

impl JsonText {
    /// The body as a whole, read as by [`Json`].
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, ApiError> {
        parse(&self.body, &self.held)
    }

    /// The same without a look into parts that are only borrowed.
    pub fn read_borrowed<'a, T: Deserialize<'a>>(&'a self) -> Result<T, ApiError> {
        let text = str::from_utf8(&self.body).map_err(|error| {
            ApiError::new(StatusCode::BAD_REQUEST, "malformed_json", "The body is not in UTF-8.")
                .caused_by(error.to_string())
        })?;
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let whole = |error: &serde_json::Error| refused(&self.body, String::new(), error);
        let Object(value) =
            Object::deserialize(&mut deserializer).map_err(|error| whole(&error))?;
        deserializer.end().map_err(|error| whole(&error))?;
        Ok(value)
    }
}

/// A part of such a body: an object.
pub fn read_part(text: &str) -> Result<Value, FieldError> {
    let value = from_text::<Value>(text)?;
    match nul_pointer(&value, &mut String::new()) {
        None => Ok(value),
        Some(pointer) => {
            let detail = "must not contain the character U+0000".to_owned();
            Err(FieldError { pointer, detail })
        }
    }
}

/// An optional JSON body.
pub struct OptionalJson<T>(pub Option<T>);

impl<S, T> FromRequest<S> for OptionalJson<T>
where
    S: Send + Sync,
    T: DeserializeOwned + Send + 'static,
    Limits: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let limits = Limits::from_ref(state);
        let is_json = require_json(&request);
        let (body, held) = read_body(request, &limits).await?;
        if body.is_empty() {
            return Ok(Self(None));
        }
        is_json?;
        match body.trim_ascii() {
            b"null" => Ok(Self(None)),
            _ => parse_json(body, &held).await.map(|value| Self(Some(value))),
        }
    }
}

fn require_json(request: &Request) -> Result<(), ApiError> {
    let content_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = content_type.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    let is_json = essence.eq_ignore_ascii_case("application/json")
        || essence.to_ascii_lowercase().ends_with("+json");
    if is_json {
        return Ok(());
    }
    Err(ApiError::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "unsupported_media_type",
        "Send the body as JSON, with Content-Type: application/json.",
    ))
}

/// The body, and the memory charge of the request.
async fn read_body(request: Request, limits: &Limits) -> Result<(Bytes, Held), ApiError> {
    let (parts, body) = request.into_parts();
    let outside = || ApiError::internal("a route that reads a body is outside the auth layer");
    let held: Held = parts.extensions.get().cloned().ok_or_else(outside)?;
    let max = parts.extensions.get().map_or(limits.max_body_bytes, |MaxBody(max)| *max);
    let expected = content_length(&parts.headers);
    let reading = read(body.into_data_stream(), expected, max, held.sibling());
    match tokio::time::timeout(limits.request_timeout, reading).await {
        Ok(Ok(body)) => Ok((body, held)),
        Ok(Err(error)) => Err(unreadable(error)),
        Err(_) => Err(ApiError::new(
            StatusCode::REQUEST_TIMEOUT,
            "request_timeout",
            "The request's body took too long to arrive. Please try again.",
        )),
    }
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn unreadable(error: ReadError<axum::Error>) -> ApiError {
    match error {
        ReadError::Full(full) => full.into(),
        ReadError::TooLarge(_) => ApiError::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "body_too_large",
            "The request's body is larger than this server takes.",
        ),
        ReadError::Broken(error) => ApiError::new(
            StatusCode::BAD_REQUEST,
            "malformed_body",
            "The request's body broke off.",
        )
        .caused_by(error.to_string()),
    }
}

/// What is parsed from the body is charged until the request ends.
async fn parse_json<T>(body: Bytes, held: &Held) -> Result<T, ApiError>
where
    T: DeserializeOwned + Send + 'static,
{
    if body.len() <= SHORT {
        return parse(&body, held);
    }
    let held = held.clone();
    compute(move || parse(&body, &held)).await
}

fn parse<T: DeserializeOwned>(body: &[u8], held: &Held) -> Result<T, ApiError> {
    held.grow(json_cost(body))?;
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let Object(value) = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let pointer = pointer(error.path());
        refused(body, pointer, error.inner())
    })?;
    deserializer.end().map_err(|error| refused(body, String::new(), &error))?;
    match find_nul(body)? {
        Some(pointer) => Err(ApiError::invalid(pointer, "must not contain the character U+0000")),
        None => Ok(value),
    }
}

/// A part of a body that is parsed separately: an object.
pub fn from_value<T: DeserializeOwned>(value: Value) -> Result<T, FieldError> {
    read_object(value)
}

/// The same, from its text.
pub fn from_text<'de, T: Deserialize<'de>>(text: &'de str) -> Result<T, FieldError> {
    read_object(&mut serde_json::Deserializer::from_str(text))
}

fn read_object<'de, D, T>(deserializer: D) -> Result<T, FieldError>
where
    D: Deserializer<'de, Error = serde_json::Error>,
    T: Deserialize<'de>,
{
    match serde_path_to_error::deserialize(deserializer) {
        Ok(Object(value)) => Ok(value),
        Err(error) => Err(json_error(pointer(error.path()), error.inner())),
    }
}

fn refused(body: &[u8], pointer: String, error: &serde_json::Error) -> ApiError {
    // serde_json reports some values as syntax errors that are only invalid for the field.
    let is_well_formed = || serde_json::from_slice::<IgnoredAny>(body).is_ok();
    let is_too_deep = error.to_string().contains("recursion limit");
    if error.is_data() || (!is_too_deep && is_well_formed()) {
        return ApiError::validation(vec![json_error(pointer, error)]);
    }
    let place = format!("line {}, column {}", error.line(), error.column());
    let detail = match is_too_deep {
        true => format!("The body is nested too deep ({place})."),
        false => format!("The body is not well-formed JSON ({place})."),
    };
    ApiError::new(StatusCode::BAD_REQUEST, "malformed_json", detail).caused_by(error.to_string())
}

/// serde_json appends the position in the text, but the pointer already names the field.
fn json_error(pointer: String, error: &serde_json::Error) -> FieldError {
    let message = error.to_string();
    let message = message.rsplit_once(" at line ").map_or(&*message, |(message, _)| message);
    if error.is_data() || message == "number out of range" {
        return wording::field_error(pointer, message);
    }
    let detail = if message.contains("recursion limit") {
        "is nested too deep"
    } else if message.contains("surrogate") || message.contains("hex escape") {
        "contains half of a surrogate pair, which is not a character"
    } else {
        wording::NOT_TAKEN
    };
    FieldError { pointer, detail: detail.to_owned() }
}

fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    path.iter()
        .filter_map(|segment| match segment {
            Segment::Seq { index } => Some(format!("/{index}")),
            Segment::Map { key } => Some(format!("/{}", wording::escape(key))),
            Segment::Enum { .. } | Segment::Unknown => None,
        })
        .collect()
}

/// PostgreSQL cannot store U+0000. Only a body with its escape is inspected; one that cannot be parsed
/// completely is refused, even if the invalid part would be ignored.
fn find_nul(body: &[u8]) -> Result<Option<String>, ApiError> {
    if !may_contain(body, "\\u0000") {
        return Ok(None);
    }
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let value: Value = serde_path_to_error::deserialize(&mut deserializer)
        .map_err(|error| refused(body, pointer(error.path()), error.inner()))?;
    Ok(nul_pointer(&value, &mut String::new()))
}

fn nul_pointer(value: &Value, at: &mut String) -> Option<String> {
    let mut inside = |key: &str, value: &Value| {
        let length = at.len();
        at.push('/');
        at.push_str(&wording::escape(key));
        let found = if key.contains('\0') { Some(at.clone()) } else { nul_pointer(value, at) };
        at.truncate(length);
        found
    };
    match value {
        Value::String(text) => text.contains('\0').then(|| at.clone()),
        Value::Array(items) => {
            items.iter().enumerate().find_map(|(index, item)| inside(&index.to_string(), item))
        }
        Value::Object(members) => members.iter().find_map(|(key, item)| inside(key, item)),
        _ => None,
    }
}

/// Path parameters. 422 with the parameter's name.
pub struct Path<T>(pub T);

impl<S, T> FromRequestParts<S> for Path<T>
where
    S: Send + Sync,
    T: DeserializeOwned + Send + 'static,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        if let Ok(axum::extract::Path(value)) = parts.extract().await {
            return Ok(Self(value));
        }
        let params = parts.extract::<RawPathParams>().await.ok();
        let name = params.iter().flatten().map(|(name, _)| name).next().unwrap_or("id");
        Err(ApiError::invalid(format!("/{name}"), "must be a UUID"))
    }
}

/// Query parameters. 422 with the parameter's name; a parameter this server does not know is
/// ignored.
pub struct Query<T>(pub T);

impl<S, T> FromRequestParts<S> for Query<T>
where
    S: Send + Sync,
    T: DeserializeOwned,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        parse_query(parts.uri.query().unwrap_or_default()).map(Self)
    }
}

fn parse_query<T: DeserializeOwned>(query: &str) -> Result<T, ApiError> {
    let Ok(text) = percent_decode_str(query).decode_utf8() else {
        let detail = "The query string is not UTF-8.";
        return Err(ApiError::new(StatusCode::BAD_REQUEST, "malformed_query", detail));
    };
    if text.contains('\0') {
        let detail = "The query string must not contain the character U+0000.";
        return Err(ApiError::new(StatusCode::BAD_REQUEST, "malformed_query", detail));
    }
    let deserializer = serde_urlencoded::Deserializer::new(form(query));
    serde_path_to_error::deserialize(deserializer).map_err(|error| {
        let about = wording::field_error(pointer(error.path()), &error.inner().to_string());
        ApiError::validation(vec![about])
    })
}

fn form(query: &str) -> form_urlencoded::Parse<'_> {
    form_urlencoded::parse(query.as_bytes())
}
