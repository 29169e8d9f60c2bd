//! Writes the answer that listeners read, and measures its times.

use std::sync::OnceLock;
use std::time::Duration;

use serde_json::{Map, Value};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::agent::generation::recorder::Started;
use crate::agent::message::answer::{Answer, Claim, End, Rows, Status};
use crate::agent::message::subscribers::Subscribers;
use crate::providers::{ChosenModel, Event};

/// The only writer of an answer.
pub(in crate::agent::generation) struct AnswerWriter {
    answer: watch::Sender<Answer>,
    /// How many of its receivers are there to be looked at, and wait for nothing.
    idle_receivers: usize,
    subscribers: Subscribers<Answer>,
    started_at: Instant,
    first_token_at: OnceLock<Instant>,
}

impl AnswerWriter {
    /// Of the receivers so many wait for nothing.
    pub(in crate::agent::generation) fn new(
        answer: watch::Sender<Answer>,
        idle_receivers: usize,
    ) -> Self {
        let subscribers = Subscribers::default();
        answer.send_modify(|answer| answer.subscribers = Some(subscribers.clone()));
        Self {
            answer,
            idle_receivers,
            subscribers,
            started_at: Instant::now(),
            first_token_at: OnceLock::new(),
        }
    }

    pub(super) fn read(&self) -> watch::Ref<'_, Answer> {
        self.answer.borrow()
    }

    /// Changes the answer and tells its listeners.
    pub(super) fn update(&self, change: impl FnOnce(&mut Answer)) {
        self.answer.send_modify(change);
        self.subscribers.publish(&self.read());
    }

    /// How many bytes the model has produced.
    pub(super) fn bytes(&self) -> usize {
        self.read().bytes()
    }

    /// The time this long after the start.
    pub(super) fn deadline(&self, after: Duration) -> Instant {
        self.started_at + after
    }

    pub(super) fn latency_ms(&self) -> u64 {
        millis(self.started_at.elapsed())
    }

    pub(super) fn time_to_first_token_ms(&self) -> Option<u64> {
        self.first_token_at.get().map(|at| millis(*at - self.started_at))
    }

    /// The chat is claimed. From here on the answer has its rows.
    pub(super) fn grant(&self, started: &mut Started, metadata: Map<String, Value>) {
        self.update(|answer| {
            let (message, user_message) =
                (started.rows.message.take(), started.rows.user_message.take());
            let message_id = started.rows.message_id;
            answer.claim = Claim::Granted(Rows { message_id, message, user_message });
            answer.metadata = std::mem::take(&mut started.metadata);
            answer.metadata.extend(metadata);
            answer.resume(started.earlier.parts.clone());
        });
    }

    pub(super) fn set_model(&self, model: &ChosenModel) {
        self.update(|answer| {
            answer.metadata.insert("model".into(), model.id.as_str().into());
            answer.metadata.insert("provider".into(), model.provider().as_str().into());
        });
    }

    /// Something that readers of the answer may want to know.
    pub(super) fn note(&self, note: &str) {
        self.update(|answer| {
            answer.metadata.insert("note".into(), note.into());
        });
    }

    pub(super) fn set_title(&self, title: Option<String>) {
        if title.is_some() {
            self.update(|answer| answer.title = title);
        }
    }

    /// Makes later failures part of the stream.
    pub(super) fn make_visible(&self) {
        if !self.read().is_visible {
            self.update(|answer| answer.is_visible = true);
        }
    }

    /// Adds what the model has produced, in a new step if it is the first of its call. Nobody is told before
    /// the answer is published: what has come at once is passed on at once.
    pub(super) fn apply(&self, event: Event, starts_step: bool) {
        self.first_token_at.get_or_init(Instant::now);
        self.answer.send_if_modified(|answer| {
            answer.is_visible = true;
            if starts_step {
                answer.start_step();
            }
            answer.apply(event);
            false
        });
    }

    /// Tells the listeners what was applied. Those that wait are woken only where there are any: that costs as much
    /// as to write a piece of text. Who comes meanwhile has read what was applied.
    pub(super) fn publish(&self) {
        let listeners = || self.answer.receiver_count().saturating_sub(self.idle_receivers);
        if !self.subscribers.publish_to_all(&self.read(), listeners) {
            self.answer.send_modify(|_| {});
        }
    }

    /// Closes everything that is open, but for calls that wait, before the end is saved.
    pub(super) fn close(&self, metadata: Map<String, Value>, status: Status) {
        self.update(|answer| {
            answer.close_all(status);
            answer.metadata.extend(metadata);
        });
    }

    /// Publishes the end, after which the answer never changes.
    pub(super) fn publish_end(&self, end: End) {
        self.update(|answer| answer.end = Some(Box::new(end)));
    }

    /// Another replica writes from here on; for who shows what that does.
    pub(super) fn leave(&self) -> watch::Sender<Answer> {
        self.update(|answer| {
            if let Claim::Granted(rows) = &answer.claim {
                answer.claim = Claim::Elsewhere(rows.clone());
            }
        });
        self.subscribers.close();
        self.answer.clone()
    }

    /// Waits until there are no listeners.
    pub(super) async fn wait_until_unobserved(&self) {
        self.answer.closed().await;
    }
}

impl Drop for AnswerWriter {
    fn drop(&mut self) {
        self.subscribers.close();
    }
}

pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex, Weak};

    use super::*;
    use crate::agent::message::subscribers::Subscriber;

    /// What a listener has been called with.
    #[derive(Default)]
    struct Called(Mutex<usize>);

    impl Subscriber<Answer> for Called {
        fn changed(&self, answer: &Answer, _: &mut Vec<u8>) {
            *self.0.lock().unwrap() = answer.bytes();
        }
        fn released(&self) {}
    }

    /// A listener, called or waiting. It stops being called before it goes.
    struct Listener {
        called: Option<Arc<Called>>,
        answer: watch::Receiver<Answer>,
    }

    #[test]
    fn of_each_piece_every_listener_is_told_and_nobody_is_woken_in_vain() {
        // As the registry has it.
        let (sender, idle) = watch::channel(Answer::default());
        let writer = AnswerWriter::new(sender, 1);
        let mut listeners: Vec<Listener> = Vec::new();
        let mut random = 1_u64;
        let (mut woken, mut unwoken) = (0, 0);
        for _ in 0..5_000 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let (what, which) = ((random >> 33) % 9, usize::try_from(random >> 40).unwrap());
            let index = which % listeners.len().max(1);
            match what {
                // More at times than can be called, and at times none.
                0 if listeners.len() < 20 => {
                    let answer = idle.clone();
                    listeners.push(Listener { called: None, answer });
                }
                1 if which % 200 == 0 => listeners.clear(),
                2 if !listeners.is_empty() && which % 3 == 0 => drop(listeners.swap_remove(index)),
                // It has written everything, so it need not wait any more.
                3..6 if !listeners.is_empty() && listeners[index].called.is_none() => {
                    let called = Arc::new(Called::default());
                    let subscriber: Weak<Called> = Arc::downgrade(&called);
                    let is_called = listeners[index].answer.borrow().subscribe(subscriber);
                    listeners[index].called = is_called.then_some(called);
                }
                _ => {}
            }
            for listener in &mut listeners {
                listener.answer.mark_unchanged();
            }
            writer.apply(Event::Text("x".into()), false);
            writer.publish();
            let bytes = writer.bytes();
            let mut waiting = 0;
            for Listener { called, answer } in &listeners {
                match called {
                    Some(called) => assert_eq!(*called.0.lock().unwrap(), bytes),
                    None => {
                        assert!(answer.has_changed().unwrap());
                        waiting += 1;
                    }
                }
            }
            let is_woken = listeners.iter().any(|other| other.answer.has_changed().unwrap());
            assert_eq!(is_woken, waiting > 0);
            if is_woken { woken += 1 } else { unwoken += 1 }
        }
        assert!(woken > 100 && unwoken > 100, "{woken} {unwoken}");
    }
}
