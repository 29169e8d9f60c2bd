//! What running calls report of how far they are.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::json_schema::readable;
use super::source::Progress;

/// The shortest time between two reports that are shown.
const EVERY: Duration = Duration::from_millis(250);
const MAX_MESSAGE: usize = 200;

/// Takes what calls report; of each call only the latest is kept. Clones share it.
#[derive(Clone, Default)]
pub(in crate::agent) struct ProgressReports {
    latest: Arc<Mutex<Vec<(String, Progress)>>>,
    changed: Arc<Notify>,
}

impl ProgressReports {
    /// Where a call reports to.
    pub(super) fn of_call(&self, call_id: String) -> Arc<dyn Fn(Progress) + Send + Sync> {
        let this = self.clone();
        Arc::new(move |progress| this.report(&call_id, progress))
    }

    fn report(&self, call_id: &str, progress: Progress) {
        if !progress.progress.is_finite() {
            return;
        }
        let progress = Progress {
            message: progress.message.map(|message| readable(&message, MAX_MESSAGE)),
            total: progress.total.filter(|total| total.is_finite()),
            ..progress
        };
        let mut latest = self.lock();
        match latest.iter_mut().find(|(call, _)| call == call_id) {
            Some((_, reported)) => *reported = progress,
            None => latest.push((call_id.to_owned(), progress)),
        }
        drop(latest);
        self.changed.notify_one();
    }

    /// What is new, some time after the last one was shown.
    pub(in crate::agent) async fn next(
        &self,
        shown_at: &mut Option<Instant>,
    ) -> Vec<(String, Progress)> {
        if let Some(shown_at) = *shown_at {
            sleep_until(shown_at + EVERY).await;
        }
        loop {
            let news = std::mem::take(&mut *self.lock());
            if !news.is_empty() {
                *shown_at = Some(Instant::now());
                return news;
            }
            self.changed.notified().await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(String, Progress)>> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
