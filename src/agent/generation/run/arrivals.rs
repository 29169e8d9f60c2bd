//! What a model sends, as it arrives.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::StreamExt;
use tokio::task::yield_now;
use tokio::time::{Instant, timeout_at};

use super::answer_writer::AnswerWriter;
use crate::providers::{Event, EventStream, ProviderError};

/// How many events that have already arrived are handled at once.
const MAX_BATCH: usize = 64;

/// How long it is taken after a stop, however much a provider goes on sending.
const STOPPED_FOR: Duration = Duration::from_millis(50);

/// How many turns the connection's task has to read what its socket has.
const TURNS: usize = 8;

/// How long what has arrived is taken after the lease is over. It is part of the lease's margin.
const LATE_FOR: Duration = Duration::from_millis(200);

/// The events of a call. Text goes straight into the answer, so that the run need not begin to wait anew for
/// each piece of it; everything else is handled by the run.
pub(super) struct Arrivals {
    stream: EventStream,
    answer: Arc<AnswerWriter>,
    /// Nothing has to be done besides with a piece of text.
    pub(super) is_text_plain: bool,
    /// What is left for the run, in its order.
    pub(super) events: Vec<Result<Event, ProviderError>>,
    /// Nothing follows these, and it is not polled again.
    pub(super) has_ended: bool,
    /// Until when what has arrived is taken, once the lease is over or the answer ends.
    late_until: Option<Instant>,
}

impl Arrivals {
    /// The events of this stream.
    pub(super) fn new(stream: EventStream, answer: Arc<AnswerWriter>) -> Self {
        Self {
            stream,
            answer,
            is_text_plain: false,
            events: Vec::new(),
            has_ended: false,
            late_until: None,
        }
    }

    /// Whether there is more, although the lease is over. A process that was paused finds the rest of the answer
    /// in its sockets, maybe with its end and its tokens: what the provider has sent is paid for.
    pub(super) async fn have_more(&mut self) -> bool {
        let until = *self.late_until.get_or_insert_with(|| Instant::now() + LATE_FOR);
        let more = timeout_at(until, poll_fn(|cx| self.poll(cx)));
        Instant::now() < until && more.await.is_ok()
    }

    /// Whether there is more that has arrived already, although the answer ends here: maybe the provider's end
    /// and its tokens. Nothing is waited for but that the connection's task reads its socket.
    pub(super) async fn have_arrived(&mut self) -> bool {
        let until = *self.late_until.get_or_insert_with(|| Instant::now() + STOPPED_FOR);
        for _ in 0..TURNS {
            if poll_fn(|cx| Poll::Ready(self.poll(cx).is_ready())).await {
                return Instant::now() < until;
            }
            yield_now().await;
        }
        false
    }

    /// Completes when there is something for the run to do, if only to see to other things.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut has_text = false;
        let mut polled = Poll::Ready(());
        for _ in 0..MAX_BATCH {
            match self.stream.poll_next_unpin(cx) {
                Poll::Ready(Some(Ok(event @ (Event::Text(_) | Event::Reasoning(_)))))
                    if self.is_text_plain && self.events.is_empty() =>
                {
                    self.answer.apply(event, false);
                    has_text = true;
                }
                Poll::Ready(Some(event)) => self.events.push(event),
                Poll::Ready(None) => {
                    self.has_ended = true;
                    break;
                }
                Poll::Pending => {
                    polled = Poll::Pending;
                    break;
                }
            }
        }
        if has_text {
            self.answer.publish();
        }
        let is_for_the_run = !self.events.is_empty() || self.answer.read().is_full();
        if is_for_the_run { Poll::Ready(()) } else { polled }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;
    use tokio::sync::{mpsc, watch};

    use super::*;
    use crate::agent::message::answer::Answer;
    use crate::providers::{FinishReason, Usage};

    #[tokio::test(start_paused = true)]
    async fn what_has_arrived_is_read_without_waiting() {
        let (socket, mut bytes) = mpsc::unbounded_channel();
        let (sender, receiver) = mpsc::unbounded_channel();
        // As the connection's task does.
        tokio::spawn(async move {
            while let Some(event) = bytes.recv().await {
                sender.send(event).unwrap();
            }
        });
        let events = stream::unfold(receiver, |mut receiver| async move {
            receiver.recv().await.map(|event| (event, receiver))
        });
        let answer = Arc::new(AnswerWriter::new(watch::channel(Answer::default()).0, 0));
        let mut arrivals = Arrivals::new(Box::pin(events), answer);
        let started_at = Instant::now();
        assert!(!arrivals.have_arrived().await, "there is nothing");
        socket.send(Ok(Event::Usage(Usage::default()))).unwrap();
        socket.send(Ok(Event::End { finish_reason: FinishReason::Stop })).unwrap();
        drop(socket);
        let mut count = 0;
        while !arrivals.has_ended {
            assert!(arrivals.have_arrived().await);
            count += std::mem::take(&mut arrivals.events).len();
        }
        assert_eq!(count, 2);
        assert_eq!(Instant::now(), started_at);
    }
}
