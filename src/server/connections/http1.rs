//! Serves a connection on HTTP/1. Hyper keeps two buffers of 8 KiB and what it has needed for a request, so it is
//! there only while it has something to do: a connection that rests, and one whose stream waits for its model, do
//! without.

use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::task::Poll;

use axum::BoxError;
use hyper::body::Incoming;
use hyper::server::conn::http1::Builder;
use hyper::service::Service;
use hyper::{Request, Response};
use tokio_util::sync::CancellationToken;

use super::activity::Activity;
use super::response_body::ResponseBody;
use super::socket::Socket;
use super::stream::{PendingStream, Stream};
use crate::http::event_stream::BodyWriter;

/// How a connection on HTTP/1 is served.
pub struct Http1<'a> {
    /// How hyper speaks it.
    pub builder: Builder,
    /// What happens on it.
    pub activity: &'a Activity,
    /// The stream that is being answered with.
    pub pending: &'a PendingStream,
    /// When it ends after the response under way.
    pub stop: &'a CancellationToken,
}

/// What there is to do when hyper has nothing to do.
enum Next {
    /// To write this.
    Stream(Stream),
    /// To wait for the next request.
    Rest,
}

impl Http1<'_> {
    /// Serves the connection to its end.
    pub async fn serve<S>(&self, mut socket: Socket, mut service: S) -> Result<(), BoxError>
    where
        S: Service<Request<Incoming>, Response = Response<ResponseBody>, Error = Infallible>,
    {
        loop {
            // Boxed, because the connection needs the room only as long as hyper serves it.
            let serving = Box::pin(self.serve_by_hyper(socket, service));
            let Some((next, given_up, unchanged)) = serving.await? else { return Ok(()) };
            (socket, service) = (given_up, unchanged);
            match next {
                Next::Stream(stream) => {
                    let keeps_alive = stream.keeps_alive;
                    self.write(stream, &socket).await?;
                    if !keeps_alive || self.stop.is_cancelled() {
                        poll_fn(|cx| socket.sender.poll_shutdown(cx)).await?;
                        return Ok(());
                    }
                }
                Next::Rest => tokio::select! {
                    () = socket.readable() => {}
                    () = self.stop.cancelled() => return Ok(()),
                },
            }
        }
    }

    /// Lets hyper serve it as long as it has something to do; none at the end. What it gives up includes what it has
    /// read and not used.
    async fn serve_by_hyper<S>(
        &self,
        socket: Socket,
        service: S,
    ) -> hyper::Result<Option<(Next, Socket, S)>>
    where
        S: Service<Request<Incoming>, Response = Response<ResponseBody>, Error = Infallible>,
    {
        let sender = socket.sender.clone();
        // Boxed, so that nothing is left of it.
        let mut connection = Box::new(self.builder.serve_connection(socket, service));
        let mut at_rest = pin!(self.activity.at_rest());
        let mut stopped = pin!(self.stop.cancelled());
        let mut is_stopping = false;
        let next = poll_fn(|cx| {
            if !is_stopping && stopped.as_mut().poll(cx).is_ready() {
                is_stopping = true;
                Pin::new(&mut *connection).graceful_shutdown();
            }
            if let Poll::Ready(ended) = Pin::new(&mut *connection).poll(cx) {
                return Poll::Ready(ended.map(|()| None));
            }
            match self.pending.take(&sender) {
                Some(stream) => Poll::Ready(Ok(Some(Next::Stream(stream)))),
                None => at_rest.as_mut().poll(cx).map(|()| Ok(Some(Next::Rest))),
            }
        });
        let Some(next) = next.await? else { return Ok(None) };
        let mut parts = connection.into_parts();
        parts.io.unread(&parts.read_buf);
        Ok(Some((next, parts.io, parts.service)))
    }

    /// Writes the body of a stream.
    async fn write(&self, stream: Stream, socket: &Socket) -> io::Result<()> {
        let Stream { live, .. } = stream;
        let sender = socket.sender.clone();
        let writing = async {
            live.write_to(sender.clone()).await?;
            sender.end_body();
            poll_fn(|cx| sender.poll_sent(cx)).await
        };
        if self.activity.outlives_client() {
            return writing.await;
        }
        tokio::select! {
            written = writing => written,
            () = socket.hung_up() => Err(io::ErrorKind::ConnectionReset.into()),
        }
    }
}
