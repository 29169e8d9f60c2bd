//! Waiting for what seldom happens beside what happens often, in one task.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use futures_util::task::AtomicWaker;

/// Waits for a future that is polled only when it was woken itself: to ask five timers and signals whether they have
/// come, each time that the task is woken for a piece of text, costs as much as to handle that.
pub(super) async fn when_woken<T>(future: impl Future<Output = T>) -> T {
    let wakes = Arc::new(Wakes { is_woken: AtomicBool::new(true), task: AtomicWaker::new() });
    let waker = Waker::from(wakes.clone());
    let mut future = pin!(future);
    poll_fn(move |cx| {
        wakes.task.register(cx.waker());
        if wakes.is_woken.swap(false, Ordering::AcqRel) {
            future.as_mut().poll(&mut Context::from_waker(&waker))
        } else {
            Poll::Pending
        }
    })
    .await
}

struct Wakes {
    is_woken: AtomicBool,
    task: AtomicWaker,
}

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.is_woken.store(true, Ordering::Release);
        self.task.wake();
    }
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;

    use tokio::sync::oneshot;
    use tokio::time::{Duration, sleep};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_is_polled_when_it_was_woken_and_not_when_others_were() {
        let (sender, mut receiver) = oneshot::channel();
        let mut polls = 0;
        let seldom = when_woken(poll_fn(|cx| {
            polls += 1;
            Pin::new(&mut receiver).poll(cx)
        }));
        let often = async {
            for _ in 0..10 {
                sleep(Duration::from_millis(1)).await;
            }
            sender.send("sent").unwrap();
        };
        assert_eq!(tokio::join!(seldom, often).0, Ok("sent"));
        assert_eq!(polls, 2);
    }
}
