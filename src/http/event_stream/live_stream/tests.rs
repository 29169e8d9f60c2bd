//! Who writes what is new.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake};

use futures_util::StreamExt;

use super::*;
use crate::agent::{End, Part, Status, Subscribers, TokenUsage};

/// Writes a letter for each part, and a point at the end.
#[derive(Default)]
struct Letters {
    sent: usize,
    is_ended: bool,
}

impl Encoder for Letters {
    fn encode(&mut self, answer: &Answer, out: &mut Vec<u8>) {
        out.resize(answer.parts.len() - self.sent, b'x');
        self.sent = answer.parts.len();
        if answer.end.is_some() && !std::mem::replace(&mut self.is_ended, true) {
            out.push(b'.');
        }
    }

    fn is_at_end(&self) -> bool {
        self.is_ended
    }
}

/// A system that takes some bytes, and the rest when it is asked.
#[derive(Default)]
struct Connection(Mutex<State>);

#[derive(Default)]
struct State {
    written: String,
    is_full: bool,
    is_stuck: bool,
}

impl Connection {
    fn set(&self, is_full: bool, is_stuck: bool) {
        let mut state = self.0.lock().unwrap();
        (state.is_full, state.is_stuck) = (is_full, is_stuck);
    }

    fn written(&self) -> String {
        self.0.lock().unwrap().written.clone()
    }
}

impl BodyWriter for Connection {
    fn write(&self, piece: &[u8]) -> bool {
        let mut state = self.0.lock().unwrap();
        state.written += std::str::from_utf8(piece).unwrap();
        !state.is_full
    }

    fn poll_sent(&self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let state = self.0.lock().unwrap();
        if state.is_stuck { Poll::Pending } else { Poll::Ready(Ok(())) }
    }
}

#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// An answer with its subscribers.
fn answer() -> (watch::Sender<Answer>, Subscribers<Answer>) {
    let (sender, subscribers) = (watch::Sender::new(Answer::default()), Subscribers::default());
    sender.send_modify(|answer| answer.subscribers = Some(subscribers.clone()));
    (sender, subscribers)
}

fn end() -> End {
    End {
        status: Status::Complete,
        finish_reason: "stop".into(),
        usage: TokenUsage::default(),
        cost_usd: None,
        latency_ms: 0,
        failure: None,
        message: None,
    }
}

#[tokio::test]
async fn the_task_of_a_connection_is_woken_only_for_what_is_its_own() {
    let (sender, subscribers) = answer();
    let publish = |change: &dyn Fn(&mut Answer)| {
        sender.send_modify(|answer| change(answer));
        subscribers.publish(&sender.borrow());
    };
    let one_more = |answer: &mut Answer| answer.parts.push(Part::StepStart);
    let (live, chunks) = open(sender.subscribe(), Letters::default());
    let connection = Arc::new(Connection::default());
    let mut writing = live.take().unwrap().write_to(connection.clone());
    assert!(live.take().is_none());
    assert!(pin!(chunks).next().await.is_none(), "it is written elsewhere");
    let wakes = Arc::new(Wakes::default());
    let waker = wakes.clone().into();
    let mut is_over = || match writing.as_mut().poll(&mut Context::from_waker(&waker)) {
        Poll::Ready(written) => written.is_ok(),
        Poll::Pending => false,
    };
    let woken = || wakes.0.swap(0, Ordering::Relaxed) > 0;
    publish(&one_more);
    assert!(!is_over());
    assert_eq!(connection.written(), "x");
    woken();
    for written in ["xx", "xxx", "xxxx"] {
        publish(&one_more);
        assert_eq!(connection.written(), written);
    }
    assert!(!woken());
    connection.set(true, true);
    publish(&one_more);
    assert!(woken(), "the rest is its to send");
    publish(&one_more);
    assert_eq!(connection.written(), "xxxxx", "nothing is written before the rest");
    assert!(!is_over());
    connection.set(false, false);
    assert!(!is_over());
    assert_eq!(connection.written(), "xxxxxx");
    woken();
    publish(&|answer| answer.end = Some(Box::new(end())));
    assert!(woken(), "the end is its to write");
    assert!(is_over());
    assert_eq!(connection.written(), "xxxxxx.");
}
