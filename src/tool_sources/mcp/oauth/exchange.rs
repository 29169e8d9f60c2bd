//! Requests to authorization servers. What they say is never repeated: their addresses are the other side's
//! words.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Method, Request, StatusCode, Url};
use secrecy::ExposeSecret;
use serde_json::Value;

use super::{Client, OAuth};
use crate::memory::Holder;

/// The longest answer that is read.
const MAX_ANSWER: usize = 64 << 10;
/// How long one may take; shorter than a refresh is claimed for.
const TIMEOUT: Duration = Duration::from_secs(10);

/// An answer.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    /// Null if it is no JSON.
    pub(super) json: Value,
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NoAnswer {
    /// Whether the server may have received the request.
    pub(super) may_have_happened: bool,
}

impl OAuth {
    /// Reads a document.
    pub(super) async fn get(&self, url: Url) -> Result<Answer, NoAnswer> {
        self.send(Request::new(Method::GET, url)).await
    }

    /// Posts a message without a credential, to learn which one is needed.
    pub(super) async fn ask(&self, message: &Value) -> Result<Answer, NoAnswer> {
        let mut request = Request::new(Method::POST, self.server.clone());
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(ACCEPT, HeaderValue::from_static("application/json, text/event-stream"));
        headers.insert("mcp-protocol-version", HeaderValue::from_static("2026-07-28"));
        headers.insert("mcp-method", HeaderValue::from_static("server/discover"));
        *request.body_mut() = Some(message.to_string().into());
        self.send(request).await
    }

    /// Asks a token endpoint.
    pub(super) async fn token(
        &self,
        endpoint: Url,
        client: &Client,
        is_basic: bool,
        fields: &[(&str, &str)],
    ) -> Result<Answer, NoAnswer> {
        self.send(form(endpoint, client, is_basic, fields).ok_or(NOT_SENT)?).await
    }

    async fn send(&self, mut request: Request) -> Result<Answer, NoAnswer> {
        let json = HeaderValue::from_static("application/json");
        request.headers_mut().entry(ACCEPT).or_insert(json);
        *request.timeout_mut() = Some(TIMEOUT);
        let sent = self.services.egress.send(Holder::Server, request).await;
        let response = sent.map_err(|error| {
            tracing::info!(source = self.label, "a request for a sign-in failed: {error}");
            NoAnswer { may_have_happened: error.may_have_happened() }
        })?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = response.read(MAX_ANSWER).await.map_err(|_| LOST)?;
        if body.is_cut {
            return Err(LOST);
        }
        let json = serde_json::from_slice(&body.bytes).unwrap_or_default();
        Ok(Answer { status, headers, json })
    }
}

/// A form with the client's name and, where it has one, its secret.
fn form(
    endpoint: Url,
    client: &Client,
    is_basic: bool,
    fields: &[(&str, &str)],
) -> Option<Request> {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.extend_pairs(fields).append_pair("client_id", &client.id);
    let mut request = Request::new(Method::POST, endpoint);
    match client.secret.as_ref().map(ExposeSecret::expose_secret) {
        Some(secret) if is_basic => {
            let encoded =
                |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
            let pair = STANDARD.encode(format!("{}:{}", encoded(&client.id), encoded(secret)));
            let mut basic = HeaderValue::from_str(&format!("Basic {pair}")).ok()?;
            basic.set_sensitive(true);
            request.headers_mut().insert(AUTHORIZATION, basic);
        }
        Some(secret) => {
            form.append_pair("client_secret", secret);
        }
        None => {}
    }
    let form_type = HeaderValue::from_static("application/x-www-form-urlencoded");
    request.headers_mut().insert(CONTENT_TYPE, form_type);
    *request.body_mut() = Some(form.finish().into());
    Some(request)
}

const NOT_SENT: NoAnswer = NoAnswer { may_have_happened: false };
const LOST: NoAnswer = NoAnswer { may_have_happened: true };
