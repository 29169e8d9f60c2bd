//! Notices silence.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::task::unconstrained;
use tokio::time::{Instant, Sleep, sleep};

/// Expires when nothing was heard for some time. It is set once and looked at again when it runs out, because
/// to set a timer anew costs more than to handle the short piece of text that it waits for.
#[derive(Debug)]
pub struct IdleTimer {
    timeout: Duration,
    heard_at: Instant,
    timer: Pin<Box<Sleep>>,
    /// Who is woken when it runs out.
    waker: Option<Waker>,
}

impl IdleTimer {
    /// Counts from now on.
    pub fn new(timeout: Duration) -> Self {
        let timer = Box::pin(sleep(timeout));
        Self { timeout, heard_at: Instant::now(), timer, waker: None }
    }

    /// Counts from now on again.
    pub fn restart(&mut self) {
        self.heard_at = Instant::now();
    }

    /// Counts from a moment in the past on.
    pub fn restart_at(&mut self, heard_at: Instant) {
        self.heard_at = heard_at;
    }

    /// Completes when the timeout has passed since the start or the last restart.
    pub async fn expired(&mut self) {
        poll_fn(|cx| self.poll_expired(cx)).await;
    }

    /// The same, for a future that is written by hand.
    pub fn poll_expired(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let is_set = self.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker()));
        if is_set && !self.timer.is_elapsed() {
            return Poll::Pending;
        }
        // Pending has to mean that the timer is set.
        while pin!(unconstrained(self.timer.as_mut())).poll(cx).is_ready() {
            let due = self.heard_at + self.timeout;
            if due <= Instant::now() {
                return Poll::Ready(());
            }
            self.timer.as_mut().reset(due);
        }
        self.waker = Some(cx.waker().clone());
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_expires_after_the_last_restart() {
        let started = Instant::now();
        let seconds = Duration::from_secs;
        let mut timer = IdleTimer::new(seconds(10));
        for _ in 0..3 {
            assert!(tokio::time::timeout(seconds(9), timer.expired()).await.is_err());
            timer.restart();
        }
        timer.expired().await;
        assert_eq!(started.elapsed(), seconds(37));
        // Without a restart it stays expired.
        timer.expired().await;
        assert_eq!(started.elapsed(), seconds(37));
        timer.restart();
        timer.expired().await;
        assert_eq!(started.elapsed(), seconds(47));
    }
}
