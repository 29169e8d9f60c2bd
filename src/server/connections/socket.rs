//! The socket of a connection, which records whether the peer sends and reads.

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use hyper::rt::{Read, ReadBuf, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedReadHalf;

use super::activity::Activity;
use super::request_line::RequestLine;
use super::sender::Sender;

/// How much may wait in the system to be sent, in bytes. Without this bound a slow reader would seem
/// to read nothing for minutes, while the system's large buffer drains.
#[cfg(target_os = "linux")]
const UNSENT: u32 = 128 << 10;

/// How much is read at once until the first request line is whole, in bytes: what hyper's buffer holds, which
/// doubles when a head comes in two pieces.
const LINE: usize = 8 << 10;

/// What an HTTP/2 client sends first.
const HTTP2: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The socket.
pub struct Socket {
    receiver: TokioIo<OwnedReadHalf>,
    /// The half that sends, which answers write to as well.
    pub sender: Arc<Sender>,
    activity: Arc<Activity>,
    line: RequestLine,
    /// What has arrived of the first request line and what follows it, not yet handed over.
    escaped: Vec<u8>,
}

impl Socket {
    /// Makes a socket ready for streams of small frames, which must not wait for one another.
    pub fn new(stream: TcpStream, activity: Arc<Activity>) -> Self {
        let _ = stream.set_nodelay(true);
        #[cfg(target_os = "linux")]
        let _ = socket2::SockRef::from(&stream).set_tcp_notsent_lowat(UNSENT);
        let (receiver, half) = stream.into_split();
        let sender = Arc::new(Sender::new(half, activity.clone()));
        let receiver = TokioIo::new(receiver);
        Self { receiver, sender, activity, line: RequestLine::Method, escaped: Vec::new() }
    }

    /// Whether the client speaks HTTP/2. What has arrived until then is kept for hyper.
    pub async fn speaks_http2(&mut self) -> io::Result<bool> {
        loop {
            let known = self.escaped.len().min(HTTP2.len());
            if self.escaped[..known] != HTTP2[..known] {
                return Ok(false);
            }
            if known == HTTP2.len() {
                return Ok(true);
            }
            poll_fn(|cx| self.poll_line(cx)).await?;
            if self.escaped.len() == known {
                // It has hung up.
                return Ok(false);
            }
        }
    }

    /// Takes back what hyper has read and not used.
    pub fn unread(&mut self, bytes: &[u8]) {
        self.escaped.splice(..0, bytes.iter().copied());
    }

    /// Completes when there is something to read, if only the end.
    pub async fn readable(&self) {
        if self.escaped.is_empty() {
            // What goes wrong shows when it is read.
            let _ = self.peek().await;
        }
    }

    /// Completes when the peer sends no more. Whoever has sent the next request is there.
    pub async fn hung_up(&self) {
        if self.escaped.is_empty() && matches!(self.peek().await, Ok(0) | Err(_)) {
            return;
        }
        std::future::pending::<()>().await;
    }

    /// How many bytes are there to be read, one at most.
    async fn peek(&self) -> io::Result<usize> {
        poll_fn(|cx| self.poll_peek(cx)).await
    }

    fn poll_peek(&self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut byte = [0];
        let mut buffer = tokio::io::ReadBuf::new(&mut byte);
        self.receiver.inner().as_ref().poll_peek(cx, &mut buffer)
    }

    /// Reads while the first request line has not been read.
    fn poll_line(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut bytes = [0; LINE];
        let mut buffer = ReadBuf::new(&mut bytes);
        let read = Pin::new(&mut self.receiver).poll_read(cx, buffer.unfilled());
        self.line.escape(buffer.filled(), &mut self.escaped);
        read
    }

    /// Completes when there is more to read. Hyper takes the end of what a client sends for the end of its
    /// connection; here it is not told before the answer is whole. Who is really gone is found out with the
    /// next bytes that are sent.
    fn poll_more(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match ready!(self.poll_peek(cx)) {
            Ok(0) => {
                self.activity.wake_when_answered(cx.waker());
                Poll::Pending
            }
            read => Poll::Ready(read.map(drop)),
        }
    }
}

/// Discards unread data with the connection; the system would keep it for minutes.
impl Drop for Socket {
    fn drop(&mut self) {
        if self.activity.is_blocked() {
            let _ = self.receiver.inner().as_ref().set_zero_linger();
        }
    }
}

impl Read for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        if self.line == RequestLine::Done && self.escaped.is_empty() {
            if self.activity.outlives_client() {
                ready!(self.poll_more(cx))?;
            }
            let read = Pin::new(&mut self.receiver).poll_read(cx, buffer);
            if read.is_ready() {
                self.activity.received();
            }
            return read;
        }
        if self.escaped.is_empty() {
            ready!(self.poll_line(cx))?;
        }
        let length = self.escaped.len().min(buffer.remaining());
        buffer.put_slice(&self.escaped[..length]);
        self.escaped.drain(..length);
        if self.escaped.is_empty() {
            self.escaped = Vec::new();
        }
        self.activity.received();
        Poll::Ready(Ok(()))
    }
}

impl Write for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.sender.poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.sender.poll_write_vectored(cx, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.sender.flushed();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.sender.poll_shutdown(cx)
    }
}
