//! Who writes what is new.

use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Wake;

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

#[derive(Default)]
struct Connection(Mutex<(bool, bool, Vec<u8>, bool)>);

impl Connection {
    /// What its task had to send is sent.
    fn flush(&self) {
        let mut state = self.0.lock().unwrap();
        state.1 = state.0;
    }

    fn is_full(&self) {
        self.0.lock().unwrap().3 = true;
    }

    fn written(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().2.clone()).unwrap()
    }
}

impl DirectWrite for Connection {
    fn arm(&self) {
        self.0.lock().unwrap().0 = true;
    }

    fn close(&self) {
        let mut state = self.0.lock().unwrap();
        (state.0, state.1) = (false, false);
    }

    fn is_open(&self) -> bool {
        self.0.lock().unwrap().1
    }

    fn write(&self, piece: &[u8]) -> bool {
        let mut state = self.0.lock().unwrap();
        state.2.extend_from_slice(piece);
        state.1 = !state.3;
        state.1
    }
}

#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[tokio::test]
async fn the_task_of_a_connection_is_woken_only_for_what_is_its_own() {
    let subscribers = Subscribers::default();
    let (sender, receiver) = watch::channel(Answer::default());
    sender.send_modify(|answer| answer.subscribers = Some(subscribers.clone()));
    let publish = |change: &dyn Fn(&mut Answer)| {
        sender.send_modify(|answer| change(answer));
        subscribers.publish(&sender.borrow());
    };
    let (live, chunks) = open(receiver, Letters::default());
    let connection = Arc::new(Connection::default());
    live.attach(connection.clone());
    let (wakes, mut chunks) = (Arc::new(Wakes::default()), Box::pin(chunks));
    let waker = wakes.clone().into();
    let mut poll = || match Pin::new(&mut chunks).poll_next(&mut Context::from_waker(&waker)) {
        Poll::Ready(chunk) => {
            chunk.map_or("end".into(), |chunk| String::from_utf8(chunk.unwrap().to_vec()).unwrap())
        }
        Poll::Pending => "pending".into(),
    };
    let woken = || wakes.0.swap(0, Ordering::Relaxed) > 0;
    publish(&|answer| answer.parts.push(Part::StepStart));
    assert_eq!((poll(), poll()), ("x".into(), "pending".into()));
    // What it has is not sent yet.
    publish(&|answer| answer.parts.push(Part::StepStart));
    assert!(woken() && connection.written().is_empty());
    assert_eq!((poll(), poll()), ("x".into(), "pending".into()));
    connection.flush();
    for written in ["x", "xx", "xxx"] {
        publish(&|answer| answer.parts.push(Part::StepStart));
        assert_eq!(connection.written(), written);
    }
    assert!(!woken());
    connection.is_full();
    publish(&|answer| answer.parts.push(Part::StepStart));
    assert!(woken(), "the rest is its to send");
    assert_eq!(poll(), "pending");
    let end = End {
        status: Status::Complete,
        finish_reason: "stop".into(),
        usage: TokenUsage::default(),
        cost_usd: None,
        latency_ms: 0,
        failure: None,
        message: None,
    };
    connection.flush();
    publish(&|answer| answer.end = Some(end.clone()));
    assert!(woken(), "the end is its to send");
    assert_eq!((poll(), poll()), (".".into(), "end".into()));
    assert_eq!(connection.written(), "xxxx");
}
