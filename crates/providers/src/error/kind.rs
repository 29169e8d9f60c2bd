//! Classifies failures: by code, then type, then status. The message counts only if a provider sends
//! nothing better.

use serde::{Deserialize, Serialize};

use super::body::Body;

/// The kinds of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// The provider refuses the request as invalid.
    InvalidRequest,
    /// The conversation is longer than the model's context window.
    ContextLength,
    /// The request is too large in bytes.
    TooLarge,
    /// The provider cannot read a picture or document of the request.
    Attachment,
    /// The provider does not know the model.
    ModelNotFound,
    /// The key is missing, wrong or not allowed to do this.
    Authentication,
    /// The account has no credit or quota left.
    Quota,
    /// Too many requests or tokens at the moment.
    RateLimited,
    /// The provider is overloaded.
    Overloaded,
    /// The provider failed.
    Server,
    /// The provider could not be reached or the connection broke before an answer.
    Unreachable,
    /// Nothing was received for too long.
    Timeout,
    /// The stream ended before the answer did.
    Truncated,
    /// The provider sent something that cannot be parsed.
    Protocol,
}

impl ErrorKind {
    /// The name, as it is serialized.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::ContextLength => "context_length",
            Self::TooLarge => "too_large",
            Self::Attachment => "attachment",
            Self::ModelNotFound => "model_not_found",
            Self::Authentication => "authentication",
            Self::Quota => "quota",
            Self::RateLimited => "rate_limited",
            Self::Overloaded => "overloaded",
            Self::Server => "server",
            Self::Unreachable => "unreachable",
            Self::Timeout => "timeout",
            Self::Truncated => "truncated",
            Self::Protocol => "protocol",
        }
    }
}

/// The kind of a failure.
pub(super) fn classify(status: Option<u16>, body: &Body) -> ErrorKind {
    let codes = [body.code.as_deref(), body.kind.as_deref()];
    codes
        .into_iter()
        .flatten()
        .find_map(by_code)
        .or_else(|| by_wording(&body.message.to_lowercase()))
        .or_else(|| status.or(numeric_code(body)).and_then(by_status))
        .or_else(|| body.kind.as_deref().and_then(by_type))
        .map(|kind| by_subject(kind, &body.message.to_lowercase()))
        .unwrap_or(ErrorKind::Server)
}

/// Servers have many words for a file that they cannot read. A refusal that speaks of one is taken for that.
fn by_subject(kind: ErrorKind, message: &str) -> ErrorKind {
    const FILES: [&str; 13] = [
        "image",
        "images",
        "image_url",
        "input_image",
        "picture",
        "pdf",
        "document",
        "file",
        "file_data",
        "input_file",
        "attachment",
        "vision",
        "mmproj",
    ];
    let mut words = message.split(|c: char| !c.is_alphanumeric() && c != '_');
    let is_about_files = match kind {
        ErrorKind::InvalidRequest => words.any(|word| FILES.contains(&word)),
        // Some servers call it a failure of their own.
        ErrorKind::Server => message.contains("image input is not supported"),
        _ => false,
    };
    if is_about_files { ErrorKind::Attachment } else { kind }
}

/// Codes and types that are more specific than any status.
fn by_code(code: &str) -> Option<ErrorKind> {
    Some(match code {
        "context_length_exceeded" | "exceed_context_size_error" => ErrorKind::ContextLength,
        "insufficient_quota" | "billing_error" | "billing_hard_limit_reached" => ErrorKind::Quota,
        code if code.ends_with("_spend_limit_reached") => ErrorKind::Quota,
        "model_not_found" => ErrorKind::ModelNotFound,
        "invalid_api_key" | "authentication_error" | "permission_error" => {
            ErrorKind::Authentication
        }
        "overloaded_error" => ErrorKind::Overloaded,
        "request_too_large" => ErrorKind::TooLarge,
        "invalid_file" | "unsupported_file" | "invalid_file_format" => ErrorKind::Attachment,
        code if code.contains("image") => ErrorKind::Attachment,
        "rate_limit_exceeded" | "rate_limit_error" => ErrorKind::RateLimited,
        "timeout_error" => ErrorKind::Timeout,
        _ => return None,
    })
}

/// Anthropic has no code for a prompt that is too long or an account without credit; most compatible
/// servers have no codes at all.
fn by_wording(message: &str) -> Option<ErrorKind> {
    const CONTEXT: [&str; 5] = [
        "prompt is too long",
        "maximum context length",
        "exceed context limit",
        "exceeds the available context size",
        "context size has been exceeded",
    ];
    const ATTACHMENT: [&str; 3] = [".image.source", ".document.source", ".pdf.source"];
    let says = |words: &[&str]| words.iter().any(|word| message.contains(word));
    if says(&CONTEXT) {
        Some(ErrorKind::ContextLength)
    } else if says(&ATTACHMENT) {
        Some(ErrorKind::Attachment)
    } else if says(&["credit balance is too low", "insufficient credits"]) {
        Some(ErrorKind::Quota)
    } else if says(&["api key not valid", "incorrect api key", "invalid api key"]) {
        Some(ErrorKind::Authentication)
    } else if message.contains("model") && says(&["not found", "does not exist"])
        || message.starts_with("model: ")
    {
        Some(ErrorKind::ModelNotFound)
    } else {
        None
    }
}

fn by_status(status: u16) -> Option<ErrorKind> {
    Some(match status {
        300..=399 => ErrorKind::Protocol,
        401 | 403 => ErrorKind::Authentication,
        402 => ErrorKind::Quota,
        408 | 504 => ErrorKind::Timeout,
        409 => ErrorKind::Server,
        413 => ErrorKind::TooLarge,
        429 => ErrorKind::RateLimited,
        400..=499 => ErrorKind::InvalidRequest,
        503 | 529 => ErrorKind::Overloaded,
        500..=599 => ErrorKind::Server,
        _ => return None,
    })
}

/// Errors inside a stream have no status of their own; OpenRouter and others put it into the code.
fn numeric_code(body: &Body) -> Option<u16> {
    body.code.as_deref()?.parse().ok()
}

fn by_type(kind: &str) -> Option<ErrorKind> {
    match kind {
        "invalid_request_error" | "BadRequestError" => Some(ErrorKind::InvalidRequest),
        "not_found_error" => Some(ErrorKind::ModelNotFound),
        _ => None,
    }
}
