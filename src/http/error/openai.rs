//! Errors in OpenAI's shape, for the routes of `/v1`: SDKs read the sentence and the code from it.

use axum::body::Body;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use super::{ApiError, FieldError};

/// How many wrong fields are named.
const MAX_FIELDS: usize = 5;

/// An error response of `/v1`.
#[derive(Debug, Serialize, ToSchema)]
pub struct OpenAiProblem<'a> {
    /// The error.
    error: OpenAiError<'a>,
}

/// What went wrong.
#[derive(Debug, Serialize, ToSchema)]
pub struct OpenAiError<'a> {
    /// What happened and what to do, in a sentence that can be shown to users.
    #[schema(example = "There is no model gpt-x on this server. GET /v1/models lists the models.")]
    message: String,
    /// Kind of the error.
    #[schema(example = "not_found_error")]
    r#type: &'static str,
    /// The field that was refused; null if it is about none.
    #[schema(required = true, example = json!(null))]
    param: Option<String>,
    /// Stable machine-readable code.
    #[schema(example = "model_not_found")]
    code: &'a str,
}

impl ApiError {
    /// The error in OpenAI's shape, as JSON text.
    pub fn to_openai_json(&self) -> String {
        let error = OpenAiError {
            message: self.message(),
            r#type: kind(self.openai_status()),
            param: self.0.errors.first().map(|error| param(&error.pointer)),
            code: self.0.code,
        };
        serde_json::to_string(&OpenAiProblem { error }).unwrap_or_default()
    }

    /// Fills a response that carries this error, in OpenAI's shape.
    pub fn render_openai(self, response: &mut Response) {
        *response.status_mut() = self.openai_status();
        *response.body_mut() = Body::from(self.to_openai_json());
        let headers = response.headers_mut();
        headers.extend(self.0.headers);
        headers.remove(CONTENT_LENGTH);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }

    /// The statuses that SDKs know.
    fn openai_status(&self) -> StatusCode {
        match self.0.status {
            StatusCode::UNPROCESSABLE_ENTITY if self.0.code == "model_not_found" => {
                StatusCode::NOT_FOUND
            }
            StatusCode::UNPROCESSABLE_ENTITY => StatusCode::BAD_REQUEST,
            status => status,
        }
    }

    /// There is no list of fields, so the sentence names them.
    fn message(&self) -> String {
        if self.0.errors.iter().all(|error| error.pointer.is_empty()) {
            return self.0.detail.clone().into_owned();
        }
        let sentence =
            |FieldError { pointer, detail }: &FieldError| format!("{} {detail}.", param(pointer));
        let sentences: Vec<_> = self.0.errors.iter().take(MAX_FIELDS).map(sentence).collect();
        sentences.join(" ")
    }
}

fn kind(status: StatusCode) -> &'static str {
    match status {
        StatusCode::UNAUTHORIZED => "authentication_error",
        StatusCode::FORBIDDEN => "permission_error",
        StatusCode::NOT_FOUND => "not_found_error",
        StatusCode::TOO_MANY_REQUESTS => "rate_limit_error",
        status if status.is_client_error() => "invalid_request_error",
        _ => "api_error",
    }
}

/// A JSON Pointer as OpenAI names fields: `messages[0].content`.
fn param(pointer: &str) -> String {
    let mut name = String::new();
    for segment in pointer.split('/').filter(|segment| !segment.is_empty()) {
        if segment.bytes().all(|b| b.is_ascii_digit()) {
            name.push_str(&format!("[{segment}]"));
        } else {
            if !name.is_empty() {
                name.push('.');
            }
            name.push_str(&segment.replace("~1", "/").replace("~0", "~"));
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::param;

    #[test]
    fn fields_are_named_as_openai_names_them() {
        for (pointer, name) in [
            ("/messages/0/content/1/image_url", "messages[0].content[1].image_url"),
            ("/temperature", "temperature"),
            ("", ""),
        ] {
            assert_eq!(param(pointer), name);
        }
    }
}
