//! The activity of a connection, its timeouts and its eviction.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Duration;

use axum::http::Version;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use crate::config::ConnectionTimeouts;

/// How long a connection waits for the next request before it rests. Most requests that follow one another come
/// sooner.
const REST: Duration = Duration::from_secs(1);

/// Shared by a connection's task, its socket and its answers.
pub struct Activity {
    times: ConnectionTimeouts,
    state: Mutex<State>,
    closing: Notify,
}

struct State {
    /// Responses that are not completely sent.
    in_flight: usize,
    /// Requests that wait for more of their body.
    waiting_for_body: usize,
    /// The body of the request was not read to its end.
    has_unread_body: bool,
    /// When bytes were last received.
    received_at: Instant,
    had_request: bool,
    is_http2: bool,
    /// The head of the next request has begun.
    in_head: bool,
    /// Since when it has been waiting for a request or for the rest of its head.
    since: Instant,
    /// Since when the peer has accepted none of the data to send.
    blocked: Option<Instant>,
    /// It has been asked to close.
    is_closing: bool,
    /// The request continues when its client disconnects, so the end of what it sends means nothing.
    outlives_client: bool,
    /// Who is told when the answer has been handed over.
    reader: Option<Waker>,
}

/// Why a connection is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// No request, or no complete head, was received in time.
    Silent,
    /// No further request was received in time.
    Idle,
    /// The peer does not read the response.
    Unread,
    /// Evicted for another connection.
    Evicted,
}

/// The order of eviction: the lowest first, and among equals the one that has been idle for the longest
/// time.
pub type EvictionPriority = (u8, Instant);

impl Activity {
    /// A connection that has just been accepted.
    pub fn new(times: ConnectionTimeouts) -> Self {
        let state = State {
            in_flight: 0,
            waiting_for_body: 0,
            has_unread_body: false,
            received_at: Instant::now(),
            had_request: false,
            is_http2: false,
            in_head: false,
            since: Instant::now(),
            blocked: None,
            is_closing: false,
            outlives_client: false,
            reader: None,
        };
        Self { times, state: Mutex::new(state), closing: Notify::new() }
    }

    /// Completes when the connection must be closed.
    pub async fn close_reason(&self) -> CloseReason {
        let overdue = async {
            loop {
                match self.overdue(Instant::now()) {
                    Ok(next) => sleep_until(next).await,
                    Err(reason) => return reason,
                }
            }
        };
        tokio::select! {
            reason = overdue => reason,
            () = self.closing.notified() => CloseReason::Evicted,
        }
    }

    /// When to check again; `Err` if a timeout has passed.
    fn overdue(&self, now: Instant) -> Result<Instant, CloseReason> {
        let state = self.state();
        let (since, limit, reason) = if let Some(blocked) = state.blocked {
            (blocked, self.times.write, CloseReason::Unread)
        } else if state.in_flight > 0 {
            return Ok(now + self.shortest());
        } else if state.is_waiting_for_a_head() {
            (state.since, self.times.head, CloseReason::Silent)
        } else {
            (state.since, self.times.idle, CloseReason::Idle)
        };
        let due = since + limit;
        if due <= now { Err(reason) } else { Ok(due.min(now + self.shortest())) }
    }

    fn shortest(&self) -> Duration {
        self.times.head.min(self.times.idle).min(self.times.write)
    }

    /// Its place in the order of eviction; `None` while it is being served.
    pub fn eviction_priority(&self) -> Option<EvictionPriority> {
        let state = self.state();
        match state.blocked {
            _ if state.is_closing => None,
            Some(blocked) => Some((3, blocked)),
            None if state.in_flight > state.waiting_for_body => None,
            // The bodies may never arrive.
            None if state.in_flight > 0 => Some((1, state.received_at)),
            None if state.had_request => Some((2, state.since)),
            None => Some((0, state.since)),
        }
    }

    /// Closes it to make room for another one.
    pub fn evict(&self) {
        self.state().is_closing = true;
        self.closing.notify_one();
    }

    /// Bytes were received.
    pub fn received(&self) {
        let mut state = self.state();
        state.received_at = Instant::now();
        if state.had_request && state.in_flight == 0 && !state.is_http2 && !state.in_head {
            state.in_head = true;
            state.since = Instant::now();
        }
    }

    /// Whether the peer accepts no data at the moment.
    pub fn set_blocked(&self, is_blocked: bool) {
        let mut state = self.state();
        match (is_blocked, state.blocked) {
            (true, None) => state.blocked = Some(Instant::now()),
            (false, Some(_)) => state.blocked = None,
            _ => {}
        }
    }

    /// Whether the peer accepts no data.
    pub fn is_blocked(&self) -> bool {
        self.state().blocked.is_some()
    }

    /// The head of a request was received.
    pub fn request_started(&self, version: Version) {
        let mut state = self.state();
        state.had_request = true;
        state.is_http2 = version == Version::HTTP_2;
        state.in_head = false;
        state.in_flight += 1;
    }

    /// Whether the request continues when its client disconnects.
    pub fn set_outlives_client(&self, outlives_client: bool) {
        self.state().outlives_client = outlives_client;
    }

    /// Whether an end of what the peer sends may be no more than that: it may wait for its answer.
    pub fn outlives_client(&self) -> bool {
        let state = self.state();
        state.outlives_client && state.in_flight > 0 && !state.is_http2
    }

    /// The peer sends no more, which is nobody's business before the answer has been handed over.
    pub fn wake_when_answered(&self, reader: &Waker) {
        self.state().reader = Some(reader.clone());
    }

    /// Whether a request waits for more of its body.
    pub fn set_waiting_for_body(&self, is_waiting: bool) {
        let waiting = &mut self.state().waiting_for_body;
        *waiting = if is_waiting { *waiting + 1 } else { waiting.saturating_sub(1) };
    }

    /// Whether there is something left to read of the request's body, on HTTP/1.
    pub fn set_unread_body(&self, is_unread: bool) {
        self.state().has_unread_body = is_unread;
    }

    /// Whether there is.
    pub fn has_unread_body(&self) -> bool {
        self.state().has_unread_body
    }

    /// Completes when it has been waiting for the next request for a while.
    pub async fn at_rest(&self) {
        loop {
            let now = Instant::now();
            let rests_since = self.state().rests_since();
            if rests_since.is_some_and(|since| now >= since + REST) {
                return;
            }
            sleep_until(rests_since.unwrap_or(now) + REST).await;
        }
    }

    /// A response was sent.
    pub fn response_finished(&self) {
        let mut state = self.state();
        state.in_flight -= 1;
        if state.in_flight == 0 {
            state.since = Instant::now();
        }
        if let Some(reader) = state.reader.take() {
            reader.wake();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn is_waiting_for_a_head(&self) -> bool {
        !self.had_request || self.in_head
    }

    /// Since when nothing is there to be done for it.
    fn rests_since(&self) -> Option<Instant> {
        let has_work = self.in_flight > 0 || self.has_unread_body || self.blocked.is_some();
        (!has_work && !self.is_waiting_for_a_head()).then_some(self.since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMES: ConnectionTimeouts = ConnectionTimeouts {
        head: Duration::from_secs(1),
        idle: Duration::from_secs(10),
        write: Duration::from_secs(5),
    };

    /// How it ends, and after how long.
    async fn end(activity: &Activity) -> (CloseReason, u64) {
        let started = Instant::now();
        let reason = activity.close_reason().await;
        (reason, started.elapsed().as_secs())
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_connection_has_the_time_of_a_head() {
        assert_eq!(end(&Activity::new(TIMES)).await, (CloseReason::Silent, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_may_rest_between_requests_but_not_within_a_head() {
        let activity = Activity::new(TIMES);
        activity.request_started(Version::HTTP_11);
        activity.response_finished();
        assert_eq!(end(&activity).await, (CloseReason::Idle, 10));
        activity.received();
        assert_eq!(end(&activity).await, (CloseReason::Silent, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_running_answer_has_no_end_but_an_unread_one_has() {
        let activity = Activity::new(TIMES);
        activity.request_started(Version::HTTP_11);
        assert!(tokio::time::timeout(TIMES.idle * 100, activity.close_reason()).await.is_err());
        activity.set_blocked(true);
        assert_eq!(end(&activity).await, (CloseReason::Unread, 5));
        activity.set_blocked(false);
        assert!(tokio::time::timeout(TIMES.idle * 100, activity.close_reason()).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_does_not_come_gives_the_place_up() {
        let activity = Activity::new(TIMES);
        activity.request_started(Version::HTTP_11);
        assert_eq!(activity.eviction_priority(), None);
        activity.set_waiting_for_body(true);
        let silent = activity.eviction_priority();
        assert_eq!(silent.map(|(rank, _)| rank), Some(1));
        tokio::time::advance(TIMES.head).await;
        activity.received();
        assert!(activity.eviction_priority() > silent);
        activity.set_waiting_for_body(false);
        assert_eq!(activity.eviction_priority(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn it_rests_when_there_is_nothing_to_do_for_it() {
        let activity = Activity::new(TIMES);
        let rests = async || tokio::time::timeout(REST * 2, activity.at_rest()).await.is_ok();
        assert!(!rests().await, "no request has come");
        activity.request_started(Version::HTTP_11);
        activity.set_unread_body(true);
        assert!(!rests().await);
        activity.response_finished();
        assert!(!rests().await, "its body is not read");
        activity.set_unread_body(false);
        activity.set_blocked(true);
        assert!(!rests().await, "the response is not sent");
        activity.set_blocked(false);
        assert!(rests().await);
        activity.received();
        assert!(!rests().await, "the next one comes");
    }

    #[tokio::test(start_paused = true)]
    async fn pings_on_http2_begin_no_head() {
        let activity = Activity::new(TIMES);
        activity.request_started(Version::HTTP_2);
        activity.response_finished();
        activity.received();
        assert_eq!(end(&activity).await, (CloseReason::Idle, 10));
    }
}
