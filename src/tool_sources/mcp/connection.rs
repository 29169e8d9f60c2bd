//! A connection to an MCP server in the name of one user: a session of the older protocol, or what stands for
//! one in the newer.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use reqwest::header::{HeaderName, HeaderValue};
use rmcp::RoleClient;
use rmcp::model::{
    CallToolRequest, CallToolRequestParams, ClientRequest, ErrorData, ListToolsRequest,
    PaginatedRequestParams, ProtocolVersion,
};
use rmcp::service::{
    ClientInitializeError, ClientLifecycleMode, ClientServiceExt, PeerRequestOptions,
    RequestHandle, RunningService, ServiceError,
};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::common::client_side_sse::ExponentialBackoff;
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use serde_json::{Map, Value};

use super::bounded_client::{BoundedClient, Failure, Failures, MAX_MESSAGE_BYTES};
use super::handler::{Handler, ShowProgress};
use crate::observability::traces;

/// How long the handshake may take; a server that does not answer the newer protocol's question is given ten
/// seconds of it.
const HANDSHAKE: Duration = Duration::from_secs(20);

/// Where to connect, and with what.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) url: String,
    pub(super) http: reqwest::Client,
    pub(super) headers: HashMap<HeaderName, HeaderValue>,
}

/// Which protocol a server speaks. Asking costs a round trip.
#[derive(Debug, Default)]
pub(super) struct Era {
    is_legacy: AtomicBool,
}

/// Why there is no result.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum CallError {
    /// The server's own error.
    Rpc(ErrorData),
    /// There is no answer.
    Failed(Failure),
    /// The user has to sign in at the server; the sentence that says so.
    NotSignedIn(String),
    /// It takes too long.
    Timeout,
    /// The connection was closed before.
    Closed,
}

/// A connection.
pub(super) struct Connection {
    service: RunningService<RoleClient, Handler>,
    failures: Arc<Failures>,
    is_modern: bool,
    /// Whether the tools have been listed, from which the library knows what belongs into headers.
    has_listed: AtomicBool,
}

impl Connection {
    /// Connects in the protocol that the server speaks.
    pub(super) async fn open(target: &Target, era: &Era) -> Result<Self, CallError> {
        let is_known = era.is_legacy.load(Ordering::Relaxed);
        let opened = match Self::open_as(target, is_known).await {
            // A server of the older protocol may answer the newer one's question with anything.
            Err(error) if !is_known && is_no_discovery(&error) => Self::open_as(target, true).await,
            opened => opened,
        };
        let is_legacy = opened.as_ref().is_ok_and(|connection| !connection.is_modern);
        era.is_legacy.store(is_legacy, Ordering::Relaxed);
        opened
    }

    async fn open_as(target: &Target, is_legacy: bool) -> Result<Self, CallError> {
        let failures = Arc::new(Failures::default());
        let client = BoundedClient { http: target.http.clone(), failures: failures.clone() };
        let transport = StreamableHttpClientTransport::with_client(client, config(target));
        let lifecycle = match is_legacy {
            true => ClientLifecycleMode::Initialize,
            false => ClientLifecycleMode::Auto {
                preferred_versions: vec![ProtocolVersion::V_2026_07_28],
                legacy_version: Some(ProtocolVersion::LATEST_WITH_INITIALIZE),
            },
        };
        let opened = Handler::default().serve_with_lifecycle(transport, lifecycle);
        let opened =
            tokio::time::timeout(HANDSHAKE, opened).await.map_err(|_| CallError::Timeout)?;
        let service = opened.map_err(|error| handshake_error(&error, &failures))?;
        let version = service.peer_info().map(|info| info.protocol_version.clone());
        let is_modern = version.is_some_and(|version| version >= ProtocolVersion::NO_INITIALIZE);
        Ok(Self { service, failures, is_modern, has_listed: AtomicBool::new(false) })
    }

    /// Whether it can be used no more.
    pub(super) fn is_closed(&self) -> bool {
        self.service.is_closed() || self.service.is_transport_closed()
    }

    /// Whether the library does not know yet which arguments belong into headers.
    pub(super) fn needs_listing(&self) -> bool {
        self.is_modern && !self.has_listed.load(Ordering::Relaxed)
    }

    /// The tools have been listed.
    pub(super) fn set_listed(&self) {
        self.has_listed.store(true, Ordering::Relaxed);
    }

    /// Whether the server has said that its tools have changed, since the last time that somebody asked.
    pub(super) fn take_tools_changed(&self) -> bool {
        self.service.service().tools_changed.swap(false, Ordering::Relaxed)
    }

    /// A page of the server's tools.
    pub(super) async fn list(
        &self,
        cursor: Option<String>,
        timeout: Duration,
    ) -> Result<Value, CallError> {
        let params = PaginatedRequestParams::default().with_cursor(cursor);
        let request = ClientRequest::ListToolsRequest(ListToolsRequest::with_param(params));
        self.request(request, timeout, None).await
    }

    /// Calls a tool. Dropped before it ends, the call is cancelled as the protocol wants it.
    pub(super) async fn call(
        &self,
        tool: &str,
        arguments: Map<String, Value>,
        timeout: Duration,
        progress: ShowProgress,
    ) -> Result<Value, CallError> {
        let mut params = CallToolRequestParams::new(tool.to_owned());
        params.arguments = Some(arguments);
        let request = ClientRequest::CallToolRequest(CallToolRequest::new(params));
        self.request(request, timeout, Some(progress)).await
    }

    async fn request(
        &self,
        request: ClientRequest,
        timeout: Duration,
        progress: Option<ShowProgress>,
    ) -> Result<Value, CallError> {
        if self.is_closed() {
            return Err(CallError::Closed);
        }
        let mut options = PeerRequestOptions::with_timeout(timeout).with_max_total_timeout(timeout);
        if let Some(parent) = traces::traceparent() {
            options.meta.get_or_insert_default().set_traceparent(parent);
        }
        let handle = self.service.send_cancellable_request(request, options).await;
        let handle = handle.map_err(|_| CallError::Closed)?;
        let id = handle.id.clone();
        let watch = |show| self.service.service().watch(handle.progress_token.clone(), show);
        let _watching = progress.map(watch);
        let answer = Cancelling(Some(handle)).answer().await;
        let failure = self.failures.take(&id);
        match answer {
            Ok(result) => {
                serde_json::to_value(result).map_err(|_| CallError::Failed(Failure::Unreadable))
            }
            Err(ServiceError::Timeout { .. }) => Err(CallError::Timeout),
            Err(error) => Err(match (failure, error) {
                (Some(failure), _) => CallError::Failed(failure),
                (None, ServiceError::McpError(error)) if !is_transport(&error) => {
                    CallError::Rpc(error)
                }
                _ => CallError::Failed(Failure::Broken),
            }),
        }
    }
}

fn config(target: &Target) -> StreamableHttpClientTransportConfig {
    let mut config = StreamableHttpClientTransportConfig::with_uri(target.url.as_str())
        .custom_headers(target.headers.clone())
        .max_json_response_size(MAX_MESSAGE_BYTES)
        .max_sse_event_size(MAX_MESSAGE_BYTES)
        .max_error_response_size(4 << 10);
    // Without a limit the delay doubles without end.
    let mut retry = ExponentialBackoff::default();
    retry.max_times = Some(5);
    retry.max_delay = Some(Duration::from_secs(5));
    config.retry_config = Arc::new(retry);
    config
}

/// The library reports a broken stream as an error of the server's.
fn is_transport(error: &ErrorData) -> bool {
    error.message.starts_with("streamable HTTP ")
}

/// Whether a server has answered, but not what it speaks.
fn is_no_discovery(error: &CallError) -> bool {
    match error {
        CallError::Rpc(_) | CallError::Failed(Failure::Unreadable) => true,
        CallError::Failed(Failure::Status(status)) => *status < 500,
        _ => false,
    }
}

fn handshake_error(error: &ClientInitializeError, failures: &Failures) -> CallError {
    match error {
        ClientInitializeError::JsonRpcError(error) => CallError::Rpc(error.clone()),
        ClientInitializeError::LegacyFallbackFailed { fallback, .. } => {
            handshake_error(fallback, failures)
        }
        _ => CallError::Failed(failures.take_last().unwrap_or(Failure::Unreadable)),
    }
}

/// A request that is cancelled when it is dropped: with a message where the protocol has one, else by closing
/// its connection.
struct Cancelling(Option<RequestHandle<RoleClient>>);

impl Cancelling {
    async fn answer(mut self) -> Result<rmcp::model::ServerResult, ServiceError> {
        let Some(handle) = &mut self.0 else { return Err(ServiceError::TransportClosed) };
        let timeout = handle.options.timeout.unwrap_or(HANDSHAKE);
        let answer = match tokio::time::timeout(timeout, &mut handle.rx).await {
            Ok(answer) => answer.unwrap_or(Err(ServiceError::TransportClosed)),
            // Dropped below, and so cancelled.
            Err(_) => return Err(ServiceError::Timeout { timeout }),
        };
        self.0 = None;
        answer
    }
}

impl Drop for Cancelling {
    fn drop(&mut self) {
        let Some(handle) = self.0.take() else { return };
        tokio::spawn(async move { handle.cancel(Some("not needed any more".into())).await });
    }
}
