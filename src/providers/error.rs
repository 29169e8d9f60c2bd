//! What can go wrong between this server and a provider.

use std::time::Duration;

use thiserror::Error;

/// A failed call. `message` is the provider's own wording: for the log, never for a client.
#[derive(Clone, Debug, Error)]
#[error("{provider}: {kind:?}{}: {message}", .status.map(|s| format!(" ({s})")).unwrap_or_default())]
pub struct ProviderError {
    /// `openai`, `anthropic` or `scripted`.
    pub provider: &'static str,
    /// What went wrong, in terms this server acts on.
    pub kind: ErrorKind,
    /// The HTTP status, where there was one.
    pub status: Option<u16>,
    /// The provider's wording, at most 2 KiB.
    pub message: String,
    /// The provider's own error code or type.
    pub code: Option<String>,
    /// The request field the provider complains about.
    pub param: Option<String>,
    /// The provider's request id, to quote to its support.
    pub request_id: Option<String>,
    /// How long the provider asks to wait.
    pub retry_after: Option<Duration>,
    /// The provider's explicit word on retrying (`x-should-retry`).
    pub should_retry: Option<bool>,
}

/// The kinds of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The provider refuses the request as it is.
    InvalidRequest,
    /// The conversation is longer than the model's context window.
    ContextLength,
    /// The request is too large in bytes.
    TooLarge,
    /// The provider does not know the model.
    ModelNotFound,
    /// The key is missing, wrong or not allowed to do this.
    Authentication,
    /// The account has no credit or quota left.
    Quota,
    /// Too many requests or tokens for now.
    RateLimited,
    /// The provider is overloaded.
    Overloaded,
    /// The provider failed.
    Server,
    /// The provider could not be reached or the connection broke before an answer.
    Unreachable,
    /// Nothing came for too long.
    Timeout,
    /// The stream ended before the answer did.
    Truncated,
    /// The provider sent something unreadable.
    Protocol,
}
