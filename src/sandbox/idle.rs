//! Workers that wait for a script. One that has run a script serves the same user only: what a
//! script may have done to its worker reaches nobody else.

use std::sync::{Mutex, MutexGuard, PoisonError};

use uuid::Uuid;

use super::model::Language;
use super::process::Worker;

/// The workers that do nothing, oldest first.
pub(super) struct Idle {
    workers: Mutex<Vec<Entry>>,
    /// How many of a language are kept.
    most: usize,
}

struct Entry {
    language: Language,
    /// Whose scripts it has run; none is a new one.
    user: Option<Uuid>,
    worker: Worker,
}

impl Idle {
    pub(super) fn new(most: usize) -> Self {
        Self { workers: Mutex::default(), most }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.workers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A worker for this user: one of theirs, or a new one.
    pub(super) fn take(&self, language: Language, user: Uuid) -> Option<Worker> {
        let mut workers = self.lock();
        for of in [Some(user), None] {
            let is_fit = |entry: &Entry| entry.language == language && entry.user == of;
            while let Some(at) = workers.iter().rposition(is_fit) {
                let mut worker = workers.remove(at).worker;
                if worker.is_alive() {
                    return Some(worker);
                }
            }
        }
        None
    }

    /// Keeps a worker. Where there are enough, the one that has waited longest ends.
    pub(super) fn put(&self, language: Language, user: Option<Uuid>, worker: Worker) {
        let mut workers = self.lock();
        workers.push(Entry { language, user, worker });
        let is_like = |entry: &Entry| entry.language == language;
        if workers.iter().filter(|entry| is_like(entry)).count() > self.most
            && let Some(oldest) = workers.iter().position(is_like)
        {
            workers.remove(oldest);
        }
    }
}
