//! Listens, serves, and stops cleanly.

pub mod connections;
pub mod reload;
pub mod shutdown;

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::{BoxError, Router};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::{Service, service_fn};
use hyper::{Request, Response};
use hyper_util::rt::TokioTimer;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, info, warn};

use crate::app::App;
use crate::http::addresses::{Addresses, PeerConnection};
use crate::http::{drain, metrics_endpoint};
use crate::observability::metrics::Watched;
use crate::peers;
use crate::router;
use crate::server::connections::activity::CloseReason;
use crate::server::connections::http1::Http1;
use crate::server::connections::refusal_log::RefusalLog;
use crate::server::connections::request_body::RequestBody;
use crate::server::connections::response_body::{Exchange, ResponseBody, Streams};
use crate::server::connections::socket::Socket;
use crate::server::connections::stream::PendingStream;
use crate::server::connections::{Connections, Slot, open_files};

/// How long requests in flight may take after the listener was closed.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(1);
/// How long aborted uploads may take to be removed.
const UPLOAD_ABORT_TIMEOUT: Duration = Duration::from_secs(1);
/// How long a graceful shutdown of an idle connection may take.
const GOAWAY_TIMEOUT: Duration = Duration::from_secs(1);
/// A pause after the system has refused a connection (too many open files).
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// The longest head of a request, in bytes, and what is kept of a body on HTTP/1: an access token can
/// be large.
const MAX_HEAD_BYTES: u32 = 128 << 10;
/// How much of an answer waits for an HTTP/2 peer, in bytes.
const MAX_SEND_BYTES: usize = 64 << 10;
/// How many requests an HTTP/2 connection may have in flight.
const MAX_STREAMS: u32 = 128;
/// The interval and the timeout of HTTP/2 pings.
const PING_EVERY: Duration = Duration::from_secs(30);
/// Requests that continue when their client disconnects, because the answer belongs to the server.
const OUTLIVES_CLIENT: &str = "/api/ai/chat";
/// The maximum number of connections to the metrics listener.
const METRICS_CONNECTIONS: usize = 32;

/// Serves the API, and the local Supabase and the metrics where they are enabled, until `stop`
/// resolves. Then: running generations are waited for, the API's listener closes, the others go
/// last, because saving needs the local Supabase.
pub async fn serve(mut app: App, listener: TcpListener, stop: impl Future<Output = ()>) {
    let final_stop = CancellationToken::new();
    let mut last = Vec::new();
    // A flood at one listener takes no place at another.
    let limit = connection_limit(app.config.max_connections, app.is_local());
    let connections = |limit| Connections::new(limit, &app.config);
    let router = router::router(&app);
    let api_connections = connections(limit);
    let open = api_connections.clone();
    app.log.metrics.watch(Watched::Connections, move || open.in_use() as u64);
    let mut local_supabase = None;
    if let Some(local) = app.local_supabase.take() {
        let served = listen(local.listener, local.router, connections(limit), final_stop.clone());
        last.push(tokio::spawn(served));
        local_supabase = Some(local.supabase);
    }
    if let Some(listener) = app.monitoring.take() {
        let metrics =
            metrics_endpoint::router(app.log.metrics.clone(), app.state.ai.providers().clone());
        let connections = connections(METRICS_CONNECTIONS);
        last.push(tokio::spawn(listen(listener, metrics, connections, final_stop.clone())));
    }
    app.state.ai.release_own_leases().await;
    let ai = app.state.ai.clone();
    let counting = tokio::spawn(async move { ai.count_lapsed_usage().await });
    let accounts = app.state.accounts.clone();
    let deleting = tokio::spawn(async move { accounts.finish_deletions().await });
    let api_stop = CancellationToken::new();
    let api = listen(listener, router, api_connections, api_stop.clone());
    let api = tokio::spawn(api);
    stop.await;
    info!("stopping: no new answers, running ones have {:?}", app.config.shutdown_grace);
    app.state.generations.finish(app.config.shutdown_grace).await;
    api_stop.cancel();
    counting.abort();
    deleting.abort();
    finished(api).await;
    // Aborted uploads are removed.
    let _ = tokio::time::timeout(UPLOAD_ABORT_TIMEOUT, app.state.files.finish()).await;
    // No caller is left that waits for these statements.
    if let Some(local) = local_supabase {
        local.interrupt_all();
    }
    final_stop.cancel();
    for listener in last {
        finished(listener).await;
    }
    info!("stopped");
}

async fn finished(listener: tokio::task::JoinHandle<()>) {
    if let Err(error) = listener.await {
        warn!("a listener did not end well: {error}");
    }
}

/// As many connections as are requested and the system allows.
fn connection_limit(requested: usize, has_local_supabase: bool) -> usize {
    let files = open_files::limit();
    let limit = open_files::connections(requested, files, has_local_supabase);
    if let Some(files) = files.filter(|_| limit < requested) {
        warn!(
            "MAX_CONNECTIONS: {limit} instead of {requested}, because this process may open only \
             {files} files; raise that limit (ulimit -n)"
        );
    }
    limit
}

/// Accepts connections until `stop`, then waits for requests in flight.
pub async fn listen(
    listener: TcpListener,
    router: Router,
    connections: Connections,
    stop: CancellationToken,
) {
    let tasks = TaskTracker::new();
    let mut refusals = RefusalLog::default();
    loop {
        let accept = async {
            connections.wait_for_evicted().await;
            listener.accept().await
        };
        let accepted = tokio::select! {
            accepted = accept => accepted,
            () = stop.cancelled() => break,
        };
        match accepted.map(|(stream, peer)| (stream, connections.admit(peer.ip()))) {
            Ok((stream, Ok(slot))) => {
                tasks.spawn(connection(stream, router.clone(), slot, stop.clone()));
            }
            Ok((_, Err(refused))) => refusals.add(refused.explanation()),
            Err(error) => {
                connections.evict_one();
                refusals.add(&error.to_string());
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    tasks.close();
    if tokio::time::timeout(DRAIN_TIMEOUT, tasks.wait()).await.is_err() {
        debug!("some connections were cut off");
    }
}

/// Serves one connection until it ends, times out or is evicted.
async fn connection(stream: TcpStream, router: Router, slot: Slot, stop: CancellationToken) {
    let activity = &slot.activity;
    let (peer, server) = addresses(&stream);
    let local = stream.local_addr().ok();
    let mut socket = Socket::new(stream, Arc::clone(activity));
    let pending = PendingStream::default();
    let service = service_fn(|mut request: Request<Incoming>| {
        let client = slot.connections().trusted_proxies().client(peer, request.headers());
        request.extensions_mut().insert(Addresses { client, server });
        if let Some(local) = local.filter(|_| request.uri().path().starts_with(peers::PREFIX)) {
            request.extensions_mut().insert(PeerConnection::new(local, slot.exempt()));
        }
        let exchange = Exchange::begin(activity.clone(), request.version());
        activity.set_outlives_client(request.uri().path().starts_with(OUTLIVES_CLIENT));
        let may_stream = pending.of(&request, activity);
        let request = request.map(|body| RequestBody::new(body, activity.clone()));
        let answer = drain::answer(router.clone(), request);
        async move {
            let response = answer.await;
            Ok::<_, Infallible>(match may_stream {
                Some(may_stream) => may_stream.respond(response, exchange),
                None => response.map(|body| exchange.attach_to(body)),
            })
        }
    });
    let speaks_http2 = tokio::select! {
        speaks_http2 = socket.speaks_http2() => speaks_http2,
        reason = activity.close_reason() => {
            debug!("a connection is closed: {reason:?}");
            return;
        }
        () = stop.cancelled() => return,
    };
    let ended = match speaks_http2 {
        // Boxed, since it is large and most are on HTTP/1.
        Ok(true) => Box::pin(serve_http2(socket, service, &slot, &stop)).await,
        Ok(false) => {
            let http1 = Http1 { builder: http1(), activity, pending: &pending, stop: &stop };
            tokio::select! {
                ended = http1.serve(socket, service) => ended,
                reason = activity.close_reason() => {
                    debug!("a connection is closed: {reason:?}");
                    return;
                }
            }
        }
        Err(error) => Err(error.into()),
    };
    if let Err(error) = ended {
        debug!("a connection ended: {error}");
    }
}

/// Serves a connection on HTTP/2.
async fn serve_http2<S>(
    socket: Socket,
    service: S,
    slot: &Slot,
    stop: &CancellationToken,
) -> Result<(), BoxError>
where
    S: Service<Request<Incoming>, Response = Response<ResponseBody>, Error = Infallible>,
    S::Future: Send + 'static,
{
    let mut connection = pin!(http2(slot).serve_connection(socket, service));
    tokio::select! {
        ended = connection.as_mut() => Ok(ended?),
        reason = slot.activity.close_reason() => {
            debug!("a connection is closed: {reason:?}");
            if reason == CloseReason::Idle {
                connection.as_mut().graceful_shutdown();
                let _ = tokio::time::timeout(GOAWAY_TIMEOUT, connection).await;
            }
            Ok(())
        }
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            Ok(connection.await?)
        }
    }
}

/// The address of the peer and that of this machine.
fn addresses(stream: &TcpStream) -> (IpAddr, IpAddr) {
    let ip = |address: std::io::Result<SocketAddr>| {
        address.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |address| address.ip())
    };
    (ip(stream.peer_addr()), ip(stream.local_addr()))
}

/// HTTP/1. Hyper's own time for heads is not used: it counts the rest between requests, but not the silence before
/// the first one.
fn http1() -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder.header_read_timeout(None).max_buf_size(MAX_HEAD_BYTES as usize);
    builder
}

/// HTTP/2.
fn http2(slot: &Slot) -> http2::Builder<Streams> {
    let mut builder = http2::Builder::new(Streams { limit: slot.connections().times().write });
    builder
        .timer(TokioTimer::new())
        .max_header_list_size(MAX_HEAD_BYTES)
        .max_concurrent_streams(MAX_STREAMS)
        .max_send_buf_size(MAX_SEND_BYTES)
        .keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PING_EVERY);
    builder
}
