//! Sends requests to a provider and turns every kind of failure into a [`ProviderError`].

use std::error::Error as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, RequestBuilder, Response, Url};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use tokio::time::{Instant, timeout, timeout_at};

use super::clients::Clients;
use super::sse::{MAX_EVENT_BYTES, ReadError};
use super::{Connection, Deadlines, ErrorKind, ProviderError, ProviderName, Request, retry};

/// The timeout for a response to start, as in the providers' SDKs.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(600);

/// The maximum size of an error's body, and the timeout for reading it.
const ERROR_BODY: usize = 64 * 1024;
const ERROR_TIMEOUT: Duration = Duration::from_secs(10);

/// The HTTP client of a provider.
#[derive(Debug)]
pub(super) struct Http {
    pub provider: ProviderName,
    pub connection: Connection,
    clients: Clients,
    base: Url,
    retries: AtomicU64,
}

impl Http {
    /// Validates the settings without connecting. `headers` are sent with each request.
    pub fn new(
        provider: ProviderName,
        connection: Connection,
        headers: HeaderMap,
    ) -> Result<Self, ProviderError> {
        let invalid = |message: &str| ProviderError::invalid(provider.clone(), "base_url", message);
        let base = Url::parse(connection.base_url.trim())
            .map_err(|error| invalid(&format!("the base URL is no URL: {error}")))?;
        if !matches!(base.scheme(), "http" | "https") {
            return Err(invalid("the base URL is not http or https"));
        }
        let clients = Clients::new(connection.clone(), headers);
        let clients = clients.map_err(|error| invalid(&error_chain(error)))?;
        Ok(Self { provider, connection, clients, base, retries: AtomicU64::new(0) })
    }

    /// How many requests were repeats of failed ones.
    pub fn retries(&self) -> u64 {
        self.retries.load(Ordering::Relaxed)
    }

    /// The base URL without a trailing slash.
    pub fn base_path(&self) -> &str {
        self.base.path().trim_end_matches('/')
    }

    /// A URL below the base URL, with the base's own query.
    pub fn url(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(path);
        url
    }

    /// Sends the JSON body of a request and waits until the response starts, with retries.
    pub async fn post(
        &self,
        url: &Url,
        headers: &HeaderMap,
        body: &impl Serialize,
        request: &Request,
    ) -> Result<Response, ProviderError> {
        let body = serde_json::to_vec(body)
            .map_err(|error| self.error(ErrorKind::InvalidRequest, &error.to_string()))?;
        let (body, deadlines) = (Bytes::from(body), request.deadlines);
        retry::with_retries(self.connection.max_retries, &self.retries, deadlines, || {
            let (headers, body) = (headers.clone(), body.clone());
            let more = request.headers.clone();
            self.send(deadlines.deadline, |client| {
                let request = client.post(url.clone()).headers(more).headers(headers);
                request.header(CONTENT_TYPE, "application/json").body(body)
            })
        })
        .await
    }

    /// Fetches a text, with retries.
    pub async fn get(&self, url: &Url, headers: &HeaderMap) -> Result<String, ProviderError> {
        let retries = self.connection.max_retries;
        retry::with_retries(retries, &self.retries, Deadlines::default(), async || {
            let request = |client: Client| client.get(url.clone()).headers(headers.clone());
            let response = self.send(None, request).await?;
            read_body(response, self.connection.idle_timeout).await.map_err(|broken| match broken {
                ReadError::Transport(error) => self.broken(error),
                ReadError::Idle => self.error(ErrorKind::Timeout, "nothing came for too long"),
                ReadError::TooLarge => self.error(ErrorKind::Protocol, "the answer is too large"),
            })
        })
        .await
    }

    /// The response keeps its place on the connection in its extensions.
    async fn send(
        &self,
        deadline: Option<Instant>,
        request: impl FnOnce(Client) -> RequestBuilder,
    ) -> Result<Response, ProviderError> {
        let (client, place) = self.clients.get().map_err(|error| self.broken(error))?;
        let latest = Instant::now() + ANSWER_TIMEOUT;
        let latest = deadline.map_or(latest, |deadline| deadline.min(latest));
        let mut response = match timeout_at(latest, request(client).send()).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => return Err(self.broken(error)),
            Err(_) => {
                let error = self.error(ErrorKind::Timeout, "no answer began in time");
                return Err(ProviderError { may_have_cost: true, ..error });
            }
        };
        if response.status().is_success() {
            response.extensions_mut().insert(place);
            Ok(response)
        } else {
            Err(self.refused(response).await)
        }
    }

    fn broken(&self, error: reqwest::Error) -> ProviderError {
        let kind = if error.is_timeout() { ErrorKind::Timeout } else { ErrorKind::Unreachable };
        let may_have_cost = !error.is_connect() && !error.is_builder();
        ProviderError { may_have_cost, ..self.error(kind, &error_chain(error)) }
    }

    async fn refused(&self, mut response: Response) -> ProviderError {
        let body = timeout(ERROR_TIMEOUT, read_prefix(&mut response)).await.unwrap_or_default();
        ProviderError::from_response(
            self.provider.clone(),
            response.status().as_u16(),
            response.headers(),
            &String::from_utf8_lossy(&body),
            self.connection.clock.now(),
        )
        .without_key(self.connection.api_key.as_ref())
    }

    fn error(&self, kind: ErrorKind, message: &str) -> ProviderError {
        ProviderError::new(self.provider.clone(), kind, message)
    }
}

async fn read_prefix(response: &mut Response) -> Vec<u8> {
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        let room = ERROR_BODY - body.len();
        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if body.len() == ERROR_BODY {
            break;
        }
    }
    body
}

/// A body that is not a stream.
pub(super) async fn read_body(
    mut response: Response,
    idle_timeout: Duration,
) -> Result<String, ReadError<reqwest::Error>> {
    let mut body = Vec::new();
    loop {
        let chunk = timeout(idle_timeout, response.chunk()).await.map_err(|_| ReadError::Idle)?;
        match chunk.map_err(ReadError::Transport)? {
            Some(chunk) if body.len() + chunk.len() > MAX_EVENT_BYTES => {
                return Err(ReadError::TooLarge);
            }
            Some(chunk) => body.extend_from_slice(&chunk),
            None => return Ok(String::from_utf8_lossy(&body).into_owned()),
        }
    }
}

/// A header with a secret value, which `prefix` precedes.
pub(super) fn secret_header(
    provider: &ProviderName,
    name: HeaderName,
    prefix: &str,
    secret: Option<&SecretString>,
) -> Result<HeaderMap, ProviderError> {
    let mut headers = HeaderMap::new();
    let Some(secret) = secret else { return Ok(headers) };
    let text = format!("{prefix}{}", secret.expose_secret());
    let mut value = HeaderValue::from_str(&text).map_err(|_| {
        ProviderError::invalid(provider.clone(), "api_key", "the key is not printable")
    })?;
    value.set_sensitive(true);
    headers.insert(name, value);
    Ok(headers)
}

/// The cause of a failure. reqwest itself says only "error sending request"; the reason is in its
/// sources. The URL is left out, because its query may contain a secret.
pub(super) fn error_chain(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
