//! What a connection has been given to send and the system has not taken yet.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::AsyncWrite;

use super::activity::Activity;

/// Bytes to send.
#[derive(Default)]
pub struct Unsent(Vec<u8>);

impl Unsent {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds what is left of these pieces when so many bytes of them were sent.
    pub fn keep(&mut self, pieces: &[&[u8]], mut sent: usize) {
        for piece in pieces {
            let skipped = sent.min(piece.len());
            self.0.extend_from_slice(&piece[skipped..]);
            sent -= skipped;
        }
    }

    /// Sends them. A peer that takes some of it is not one that does not read.
    pub fn poll_send(
        &mut self,
        mut to: Pin<&mut impl AsyncWrite>,
        activity: &Activity,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        while !self.0.is_empty() {
            match to.as_mut().poll_write(cx, &self.0) {
                Poll::Pending => {
                    activity.set_blocked(true);
                    return Poll::Pending;
                }
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Ready(Ok(written)) => {
                    self.0.drain(..written);
                    activity.set_blocked(false);
                }
            }
        }
        self.0 = Vec::new();
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, duplex};
    use tokio::time::{Instant, timeout};

    use super::*;
    use crate::config::ConnectionTimeouts;
    use crate::server::connections::activity::CloseReason;

    #[test]
    fn what_was_sent_of_the_pieces_is_left_out() {
        for (sent, kept) in [(0, "abcdefg"), (2, "cdefg"), (3, "defg"), (6, "g"), (7, "")] {
            let mut unsent = Unsent::default();
            unsent.keep(&[b"abc", b"", b"de", b"fg"], sent);
            assert_eq!(unsent.0, kept.as_bytes());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_but_steady_reader_has_the_whole_time_again_with_each_byte() {
        const LIMIT: Duration = Duration::from_secs(5);
        const BYTES: usize = 10;
        let activity = Activity::new(ConnectionTimeouts { head: LIMIT, idle: LIMIT, write: LIMIT });
        activity.request_started(axum::http::Version::HTTP_11);
        let (mut here, mut there) = duplex(1);
        let mut unsent = Unsent::default();
        unsent.keep(&[&[b'x'; BYTES]], 0);
        let sending = async {
            let sent = poll_fn(|cx| unsent.poll_send(Pin::new(&mut here), &activity, cx));
            tokio::select! {
                sent = sent => Ok(sent.unwrap()),
                reason = activity.close_reason() => Err(reason),
            }
        };
        // Always just in time, and then no more.
        let reading = async {
            for _ in 1..BYTES - 1 {
                tokio::time::sleep(LIMIT - Duration::from_millis(1)).await;
                there.read_u8().await.unwrap();
            }
            Instant::now()
        };
        let (sent, last_read) = tokio::join!(sending, reading);
        assert_eq!(sent, Err(CloseReason::Unread));
        assert_eq!(last_read.elapsed(), LIMIT);
        let rest = timeout(LIMIT, async {
            let mut byte = [0];
            there.read_exact(&mut byte).await.unwrap();
            poll_fn(|cx| unsent.poll_send(Pin::new(&mut here), &activity, cx)).await.unwrap();
        });
        rest.await.unwrap();
        assert!(unsent.is_empty() && !activity.is_blocked());
    }
}
