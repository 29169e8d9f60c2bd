//! What can go wrong between this server and a provider.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::HeaderMap;
use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;

use super::ProviderName;
pub(crate) use headers::request_id;
pub use kind::ErrorKind;

mod body;
mod headers;
mod kind;
mod redact;

/// A failed call. As text it is for the log, never for a client, and holds no wording of the
/// provider, which may repeat what it was asked.
#[derive(Clone, Debug, Error)]
#[error("{provider}: {kind:?}{}", self.details())]
pub struct ProviderError {
    /// The provider that failed.
    pub provider: ProviderName,
    /// What went wrong, in terms this server acts on.
    pub kind: ErrorKind,
    /// The HTTP status, where the provider answered with one that means failure.
    pub status: Option<u16>,
    /// The message, with secrets removed, at most 2 KiB.
    pub message: String,
    /// Whether the wording is the provider's.
    pub(super) is_theirs: bool,
    /// The provider's own error code or type.
    pub code: Option<Box<str>>,
    /// The request field the provider complains about.
    pub param: Option<Box<str>>,
    /// The provider's request id, to quote to its support.
    pub request_id: Option<Box<str>>,
    /// How long the provider asks to wait.
    pub retry_after: Option<Duration>,
    /// Whether the provider asks for a retry (`x-should-retry`).
    pub should_retry: Option<bool>,
}

impl ProviderError {
    /// A failure of which only this is known: it was met by another server.
    pub fn elsewhere(provider: ProviderName, kind: ErrorKind) -> Self {
        Self::new(provider, kind, "as another server has met it")
    }

    /// A failure that this server found by itself.
    pub(super) fn new(provider: ProviderName, kind: ErrorKind, message: &str) -> Self {
        Self {
            provider,
            kind,
            status: None,
            message: redact::shortened(message),
            is_theirs: false,
            code: None,
            param: None,
            request_id: None,
            retry_after: None,
            should_retry: None,
        }
    }

    /// A request that this server knows the provider would refuse.
    pub(super) fn invalid(provider: ProviderName, param: &str, message: &str) -> Self {
        let error = Self::new(provider, ErrorKind::InvalidRequest, message);
        Self { param: Some(param.into()), ..error }
    }

    /// A failure that the provider reported inside its answer, or as the body of one.
    pub(super) fn reported(provider: ProviderName, body: &str) -> Self {
        Self::from_body(provider, None, body)
    }

    /// An answer whose status means failure.
    pub(super) fn from_response(
        provider: ProviderName,
        status: u16,
        headers: &HeaderMap,
        body: &str,
        now: Timestamp,
    ) -> Self {
        let error = Self::from_body(provider, Some(status), body);
        Self {
            request_id: request_id(headers).or(error.request_id),
            retry_after: headers::retry_after(headers, now),
            should_retry: headers::should_retry(headers),
            ..error
        }
    }

    fn from_body(provider: ProviderName, status: Option<u16>, body: &str) -> Self {
        let body = body::read(body);
        let message = if body.message.is_empty() { "no message" } else { &body.message };
        let error = Self::new(provider, kind::classify(status, &body), message);
        Self {
            status,
            is_theirs: true,
            code: body.code.or(body.kind).map(Into::into),
            param: body.param.map(Into::into),
            request_id: body.request_id.map(Into::into),
            ..error
        }
    }

    /// What a log line says beside the kind.
    fn details(&self) -> String {
        let mut details = self.status.map(|status| format!(" ({status})")).unwrap_or_default();
        if !self.is_theirs {
            return details + ": " + &self.message;
        }
        let words =
            [("code", &self.code), ("param", &self.param), ("request id", &self.request_id)];
        for (name, word) in words {
            // Anything longer is no name.
            if let Some(word) = word.as_deref().filter(|word| is_name(word)) {
                details.push_str(&format!(", {name} {word}"));
            }
        }
        details
    }

    /// Takes the connection's own key out of the message, should the provider repeat it.
    pub(super) fn without_key(mut self, key: Option<&SecretString>) -> Self {
        let key = key.map_or("", |key| key.expose_secret());
        if key.len() >= 4 {
            self.message = self.message.replace(key, "[key]");
        }
        self
    }
}

fn is_name(word: &str) -> bool {
    word.len() <= 80 && word.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.:[]".contains(&b))
}

#[cfg(test)]
mod tests;
