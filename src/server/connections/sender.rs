//! The sending half of a connection. The task that serves the connection and the one that writes an answer share
//! it: in between two pieces of its own, the former lets the latter write.

use std::io::{self, IoSlice, Write};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::io::AsyncWrite;
use tokio::net::tcp::OwnedWriteHalf;

use super::activity::Activity;
use crate::http::event_stream::DirectWrite;

/// The sending half.
pub struct Sender {
    state: Mutex<State>,
    activity: Arc<Activity>,
}

struct State {
    half: OwnedWriteHalf,
    turn: Turn,
    /// What was to be written directly and the system did not take. It comes before everything else.
    unsent: Vec<u8>,
}

/// Whose turn it is to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    /// The connection's task's.
    Task,
    /// The same, until what it has is sent.
    TaskUntilSent,
    /// That of whoever writes directly.
    Direct,
}

impl Sender {
    /// The sending half of a connection with this activity.
    pub fn new(half: OwnedWriteHalf, activity: Arc<Activity>) -> Self {
        let state = State { half, turn: Turn::Task, unsent: Vec::new() };
        Self { state: Mutex::new(state), activity }
    }

    /// Writes something of the connection's task.
    pub fn poll_write(&self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_with(cx, |half, cx| half.poll_write(cx, bytes))
    }

    /// The same from several buffers.
    pub fn poll_write_vectored(
        &self,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_with(cx, |half, cx| half.poll_write_vectored(cx, bytes))
    }

    fn poll_with(
        &self,
        cx: &mut Context<'_>,
        write: impl FnOnce(Pin<&mut OwnedWriteHalf>, &mut Context<'_>) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        let mut state = self.state();
        if state.turn == Turn::Direct {
            state.turn = Turn::Task;
        }
        let written = match self.poll_unsent(&mut state, cx) {
            Poll::Ready(Ok(())) => write(Pin::new(&mut state.half), cx),
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => Poll::Pending,
        };
        drop(state);
        self.activity.set_blocked(written.is_pending());
        written
    }

    /// The connection's task has written everything that it has.
    pub fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut state = self.state();
        ready!(self.poll_unsent(&mut state, cx))?;
        if state.turn == Turn::TaskUntilSent {
            state.turn = Turn::Direct;
        }
        Poll::Ready(Ok(()))
    }

    /// Ends what is sent.
    pub fn poll_shutdown(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut state = self.state();
        state.turn = Turn::Task;
        ready!(self.poll_unsent(&mut state, cx))?;
        Pin::new(&mut state.half).poll_shutdown(cx)
    }

    /// Sends what is left of a direct write. A reader that takes some of it is not one that does not read.
    fn poll_unsent(&self, state: &mut State, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // The task may try again and again what is not accepted, which begins no new time limit.
        if state.unsent.is_empty() {
            return Poll::Ready(Ok(()));
        }
        let before = state.unsent.len();
        let sent = state.poll_unsent(cx);
        if state.unsent.len() < before {
            self.activity.set_blocked(false);
        }
        self.activity.set_blocked(sent.is_pending());
        sent
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn poll_unsent(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.unsent.is_empty() {
            let written = ready!(Pin::new(&mut self.half).poll_write(cx, &self.unsent))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.unsent.drain(..written);
        }
        self.unsent = Vec::new();
        Poll::Ready(Ok(()))
    }
}

/// The pieces are chunks of HTTP/1.1.
impl DirectWrite for Sender {
    fn arm(&self) {
        self.state().turn = Turn::TaskUntilSent;
    }

    fn close(&self) {
        self.state().turn = Turn::Task;
    }

    fn is_open(&self) -> bool {
        self.state().turn == Turn::Direct
    }

    fn write(&self, piece: &[u8]) -> bool {
        let mut state = self.state();
        if state.turn != Turn::Direct {
            return false;
        }
        let mut size = [0; 18];
        let head = chunk_head(piece.len(), &mut size);
        let chunk = [head, piece, b"\r\n"];
        let length = chunk.iter().map(|bytes| bytes.len()).sum();
        // What goes wrong shows when the rest is written.
        let written = state.half.try_write_vectored(&chunk.map(IoSlice::new)).unwrap_or(0);
        if written < length {
            state.turn = Turn::Task;
            state.unsent = chunk.concat().split_off(written);
        }
        written == length
    }
}

/// The size of a chunk, as it precedes the chunk.
fn chunk_head(size: usize, buffer: &mut [u8; 18]) -> &[u8] {
    let mut rest = &mut buffer[..];
    // Sixteen digits and the end of the line: it fits.
    let _ = write!(rest, "{size:x}\r\n");
    let left = rest.len();
    let length = buffer.len() - left;
    &buffer[..length]
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

    async fn flush(sender: &Sender) {
        poll_fn(|cx| sender.poll_flush(cx)).await.unwrap();
    }

    #[tokio::test]
    async fn only_one_of_them_writes_at_a_time() {
        let (sender, mut client) = pair().await;
        assert!(!sender.write(b"not yet"));
        sender.arm();
        assert!(!sender.is_open(), "the task has something to send");
        assert_eq!(poll_fn(|cx| sender.poll_write(cx, b"head ")).await.unwrap(), 5);
        assert!(!sender.write(b"not yet"));
        flush(&sender).await;
        assert!(sender.write(b"0123456789abcdef!"));
        sender.close();
        assert!(!sender.write(b"no longer"));
        sender.arm();
        flush(&sender).await;
        assert_eq!(poll_fn(|cx| sender.poll_write(cx, b"task")).await.unwrap(), 4);
        assert!(!sender.is_open(), "the task writes");
        drop(sender);
        let mut read = String::new();
        client.read_to_string(&mut read).await.unwrap();
        assert_eq!(read, "head 11\r\n0123456789abcdef!\r\ntask");
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
        sender.arm();
        flush(&sender).await;
        let mut pieces = 1;
        while sender.write(&piece) {
            pieces += 1;
        }
        assert!(!sender.is_open());
        let mut expected = Vec::new();
        for _ in 0..pieces {
            expected.extend([b"100000\r\n", &piece[..], b"\r\n"].concat());
        }
        expected.extend(b"task");
        let reading = tokio::spawn(async move {
            let mut read = Vec::new();
            client.read_to_end(&mut read).await.unwrap();
            read
        });
        // Armed again, it is opened when the rest is sent.
        sender.arm();
        assert!(!sender.write(b"in between"));
        flush(&sender).await;
        assert!(sender.is_open());
        assert_eq!(poll_fn(|cx| sender.poll_write(cx, b"task")).await.unwrap(), 4);
        drop(sender);
        assert!(reading.await.unwrap() == expected);
    }
}
