//! The sending half of a connection. While a stream is its response, the task that writes the answer writes to it
//! as well as the one that serves the connection.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use tokio::io::AsyncWrite;
use tokio::net::tcp::OwnedWriteHalf;

use super::activity::Activity;
use super::unsent::Unsent;
use crate::http::event_stream::BodyWriter;

/// The end of a body in chunks.
const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// The sending half.
pub struct Sender {
    state: Mutex<State>,
    activity: Arc<Activity>,
}

struct State {
    half: OwnedWriteHalf,
    /// What the system did not take of a body. It comes before everything else.
    unsent: Unsent,
    /// Hyper has sent everything that it has.
    is_flushed: bool,
}

impl Sender {
    /// The sending half of a connection with this activity.
    pub fn new(half: OwnedWriteHalf, activity: Arc<Activity>) -> Self {
        let state = State { half, unsent: Unsent::default(), is_flushed: true };
        Self { state: Mutex::new(state), activity }
    }

    /// Writes something of hyper's.
    pub fn poll_write(&self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_with(|half| half.poll_write(cx, bytes))
    }

    /// The same from several buffers.
    pub fn poll_write_vectored(
        &self,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_with(|half| half.poll_write_vectored(cx, bytes))
    }

    fn poll_with(
        &self,
        write: impl FnOnce(Pin<&mut OwnedWriteHalf>) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        let mut state = self.state();
        state.is_flushed = false;
        let written = write(Pin::new(&mut state.half));
        drop(state);
        self.activity.set_blocked(written.is_pending());
        written
    }

    /// Hyper has written everything that it has.
    pub fn flushed(&self) {
        self.state().is_flushed = true;
    }

    /// Whether everything of hyper's was sent.
    pub fn is_flushed(&self) -> bool {
        self.state().is_flushed
    }

    /// Ends the body of a stream.
    pub fn end_body(&self) {
        let mut state = self.state();
        state.write(&[LAST_CHUNK]);
    }

    /// Ends what is sent.
    pub fn poll_shutdown(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.state().half).poll_shutdown(cx)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Whether all of it was sent.
    fn write(&mut self, pieces: &[&[u8]]) -> bool {
        let mut written = 0;
        if self.unsent.is_empty() {
            let mut slices = [IoSlice::new(&[]); 3];
            let slices = &mut slices[..pieces.len()];
            for (slice, piece) in slices.iter_mut().zip(pieces) {
                *slice = IoSlice::new(piece);
            }
            // What goes wrong shows when the rest is written.
            written = self.half.try_write_vectored(slices).unwrap_or(0);
            let length: usize = pieces.iter().map(|piece| piece.len()).sum();
            if written == length {
                return true;
            }
        }
        self.unsent.keep(pieces, written);
        false
    }
}

/// The pieces are chunks of HTTP/1.1.
impl BodyWriter for Sender {
    fn write(&self, piece: &[u8]) -> bool {
        let mut size = [0; 18];
        let head = chunk_head(piece.len(), &mut size);
        self.state().write(&[head, piece, b"\r\n"])
    }

    fn poll_sent(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut state = self.state();
        let State { half, unsent, .. } = &mut *state;
        unsent.poll_send(Pin::new(half), &self.activity, cx)
    }
}

/// The size of a chunk, as it precedes the chunk.
fn chunk_head(mut size: usize, buffer: &mut [u8; 18]) -> &[u8] {
    let mut start = buffer.len() - 2;
    buffer[start..].copy_from_slice(b"\r\n");
    while size > 0 {
        start -= 1;
        buffer[start] = b"0123456789abcdef"[size % 16];
        size /= 16;
    }
    &buffer[start..]
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::time::Duration;

    use futures_util::FutureExt;
    use tokio::io::AsyncReadExt;
    use tokio::net::{TcpListener, TcpStream};

    use super::*;
    use crate::config::ConnectionTimeouts;
    use crate::server::connections::activity::CloseReason;

    async fn pair() -> (Sender, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (_, half) = listener.accept().await.unwrap().0.into_split();
        let second = Duration::from_secs(1);
        let times = ConnectionTimeouts { head: second, idle: second, write: second };
        (Sender::new(half, Arc::new(Activity::new(times))), client)
    }

    #[tokio::test(start_paused = true)]
    async fn trying_again_what_nobody_reads_begins_no_new_time_limit() {
        let (sender, _client) = pair().await;
        let piece = vec![b'x'; 1 << 20];
        let write = || poll_fn(|cx| sender.poll_write(cx, &piece)).now_or_never();
        while write().is_some() {}
        for _ in 0..2 {
            tokio::time::advance(Duration::from_millis(600)).await;
            assert!(write().is_none());
        }
        let closed = sender.activity.close_reason().now_or_never();
        assert_eq!(closed, Some(CloseReason::Unread));
    }

    #[tokio::test]
    async fn what_the_system_does_not_take_comes_before_everything_else() {
        let (sender, mut client) = pair().await;
        let piece = vec![b'x'; 1 << 20];
        let mut pieces = 1;
        while sender.write(&piece) {
            pieces += 1;
        }
        assert!(!sender.write(b"0123456789abcdef!"), "it is kept as well");
        sender.end_body();
        let mut expected = Vec::new();
        for _ in 0..pieces {
            expected.extend([b"100000\r\n", &piece[..], b"\r\n"].concat());
        }
        expected.extend(b"11\r\n0123456789abcdef!\r\n0\r\n\r\n");
        let reading = tokio::spawn(async move {
            let mut read = Vec::new();
            client.read_to_end(&mut read).await.unwrap();
            read
        });
        poll_fn(|cx| sender.poll_sent(cx)).await.unwrap();
        drop(sender);
        assert!(reading.await.unwrap() == expected);
    }

    #[tokio::test]
    async fn hyper_has_sent_what_it_has_with_its_flush() {
        let (sender, _client) = pair().await;
        assert_eq!(poll_fn(|cx| sender.poll_write(cx, b"head")).await.unwrap(), 4);
        assert!(!sender.is_flushed());
        sender.flushed();
        assert!(sender.is_flushed());
    }
}
