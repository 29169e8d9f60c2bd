//! Errors of calls to providers.

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

/// A failed call. Its `Display` text is for the log, never for a client, and contains no text of the
/// provider, which may quote the request.
#[derive(Clone, Debug, Error)]
#[error("{provider}: {kind:?}{}", self.details())]
pub struct ProviderError {
    /// The provider that failed.
    pub provider: ProviderName,
    /// The kind of failure.
    pub kind: ErrorKind,
    /// The HTTP status, if the provider responded with an error status.
    pub status: Option<u16>,
    /// The message, with secrets removed, at most 2 KiB.
    pub message: String,
    /// Whether the message was written by the provider.
    pub(super) is_theirs: bool,
    /// The provider's own error code or type.
    pub code: Option<Box<str>>,
    /// The request field that the error is about.
    pub param: Option<Box<str>>,
    /// The provider's request ID, to quote to its support.
    pub request_id: Option<Box<str>>,
    /// How long the provider asks to wait.
    pub retry_after: Option<Duration>,
    /// Whether the provider asks for a retry (`x-should-retry`).
    pub should_retry: Option<bool>,
    /// Whether a request was sent of which nothing more was heard: the provider may have taken it.
    pub may_have_cost: bool,
}

impl ProviderError {
    /// A failure that occurred on another server, of which only this is known.
    pub fn elsewhere(provider: ProviderName, kind: ErrorKind) -> Self {
        Self::new(provider, kind, "as another server has met it")
    }

    /// A failure detected by this server.
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
            may_have_cost: false,
        }
    }

    /// A request that the provider would refuse, detected by this server.
    pub(super) fn invalid(provider: ProviderName, param: &str, message: &str) -> Self {
        let error = Self::new(provider, ErrorKind::InvalidRequest, message);
        Self { param: Some(param.into()), ..error }
    }

    /// A failure that the provider reported inside its response, or as the body of one.
    pub(super) fn reported(provider: ProviderName, body: &str) -> Self {
        Self::from_body(provider, None, body)
    }

    /// A response with an error status.
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

    /// The details for a log line, besides the kind.
    fn details(&self) -> String {
        let mut details = self.status.map(|status| format!(" ({status})")).unwrap_or_default();
        if !self.is_theirs {
            return details + ": " + &self.message;
        }
        let words =
            [("code", &self.code), ("param", &self.param), ("request id", &self.request_id)];
        for (name, word) in words {
            // Anything longer is not a name.
            if let Some(word) = word.as_deref().filter(|word| is_name(word)) {
                details.push_str(&format!(", {name} {word}"));
            }
        }
        details
    }

    /// Removes everything that the provider has written and that this says is confidential.
    pub fn without(mut self, is_confidential: impl Fn(&str) -> bool) -> Self {
        if self.is_theirs {
            self.message = "its words are left out".to_owned();
        }
        for word in [&mut self.code, &mut self.param, &mut self.request_id] {
            *word = word.take().filter(|word| !is_confidential(word));
        }
        self
    }

    /// Removes the connection's own key from the message, in case the provider quotes it.
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
