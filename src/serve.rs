//! Listens, serves, and stops cleanly.

use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use crate::app::App;
use crate::{drain, monitoring, router};

/// How long a connection may take to send a request's head.
const HEAD_TIMEOUT: Duration = Duration::from_secs(15);
/// How long requests in flight may take after the listener is closed.
const LAST_REQUESTS: Duration = Duration::from_secs(2);
/// What the fields of a head may take together: an access token can be large.
const MAX_HEADER_BYTES: u32 = 128 << 10;
/// A pause after the system has refused a connection (too many open files).
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves the API, and the local Supabase and the metrics where they are wanted, until `stop` is
/// asked for. Then: running generations are waited for, the API's listener closes, the others go
/// last, because saving needs the local Supabase.
pub async fn serve(mut app: App, listener: TcpListener, stop: impl Future<Output = ()>) {
    let last_stop = CancellationToken::new();
    let mut last = Vec::new();
    if let Some(local) = app.local_supabase.take() {
        last.push(tokio::spawn(listen(local.listener, local.router, last_stop.clone())));
    }
    if let Some(listener) = app.monitoring.take() {
        let metrics = monitoring::router(app.metrics.clone(), app.state.generations.clone());
        last.push(tokio::spawn(listen(listener, metrics, last_stop.clone())));
    }
    let api_stop = CancellationToken::new();
    let api = tokio::spawn(listen(listener, router::router(&app), api_stop.clone()));
    stop.await;
    info!("stopping: no new answers, running ones have {:?}", app.config.shutdown_grace);
    app.state.generations.finish(app.config.shutdown_grace).await;
    api_stop.cancel();
    finished(api).await;
    // Uploads that were cut off are taken back.
    let _ = tokio::time::timeout(LAST_REQUESTS, app.state.files.finish()).await;
    last_stop.cancel();
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

/// Accepts connections until `stop`, then gives what is in flight a moment.
pub async fn listen(listener: TcpListener, router: Router, stop: CancellationToken) {
    let graceful = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => break,
        };
        match accepted {
            Ok((stream, _)) => connection(stream, router.clone(), &graceful),
            Err(error) => {
                warn!("a connection could not be accepted: {error}");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    if tokio::time::timeout(LAST_REQUESTS, graceful.shutdown()).await.is_err() {
        debug!("some connections were cut off");
    }
}

fn connection(stream: TcpStream, router: Router, graceful: &GracefulShutdown) {
    // Frames of a stream are small and must not wait for one another.
    let _ = stream.set_nodelay(true);
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
    builder.http2().timer(TokioTimer::new()).keep_alive_interval(Some(Duration::from_secs(30)));
    builder.http2().max_header_list_size(MAX_HEADER_BYTES);
    let service = service_fn(move |request| {
        let answer = drain::answer(router.clone(), request);
        async { Ok::<_, Infallible>(answer.await) }
    });
    let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service);
    let connection = graceful.watch(connection.into_owned());
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            debug!("a connection ended: {error}");
        }
    });
}
