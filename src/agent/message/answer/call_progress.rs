//! How far the running calls of an answer are. It is shown, and never stored.

use crate::agent::tools::source::Progress;

/// The latest report of each running call, and how many there have been.
#[derive(Clone, Debug, Default)]
pub struct CallProgress {
    reports: usize,
    latest: Vec<Latest>,
}

#[derive(Clone, Debug)]
struct Latest {
    number: usize,
    call_id: String,
    progress: Progress,
}

impl CallProgress {
    pub(super) fn report(&mut self, call_id: String, progress: Progress) {
        self.forget(&call_id);
        self.reports += 1;
        self.latest.push(Latest { number: self.reports, call_id, progress });
    }

    /// The call has ended.
    pub(super) fn forget(&mut self, call_id: &str) {
        self.latest.retain(|latest| latest.call_id != call_id);
    }

    /// How many reports there have been.
    pub fn reports(&self) -> usize {
        self.reports
    }

    /// The latest reports of calls that came after so many.
    pub fn after(&self, reports: usize) -> impl Iterator<Item = (&str, &Progress)> {
        let new = self.latest.iter().filter(move |latest| latest.number > reports);
        new.map(|latest| (latest.call_id.as_str(), &latest.progress))
    }
}
