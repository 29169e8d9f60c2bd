//! Workers that wait for a script. A worker that has run a script only serves the same user again, so
//! that a script that tampers with its worker harms nobody else.

use std::sync::{Mutex, MutexGuard, PoisonError};

use uuid::Uuid;

use super::model::Language;
use super::process::Worker;

/// The idle workers, oldest first.
pub(super) struct IdleWorkers {
    workers: Mutex<Vec<Entry>>,
    /// How many are kept for each language.
    max_per_language: usize,
}

struct Entry {
    language: Language,
    /// Whose scripts it has run; `None` for a new one.
    user: Option<Uuid>,
    worker: Worker,
}

impl IdleWorkers {
    pub(super) fn new(max_per_language: usize) -> Self {
        Self { workers: Mutex::default(), max_per_language }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.workers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A worker for this user: one of theirs, or a new one.
    pub(super) fn take(&self, language: Language, user: Uuid) -> Option<Worker> {
        let mut workers = self.lock();
        for owner in [Some(user), None] {
            let is_fit = |entry: &Entry| entry.language == language && entry.user == owner;
            while let Some(at) = workers.iter().rposition(is_fit) {
                let mut worker = workers.remove(at).worker;
                if worker.is_alive() {
                    return Some(worker);
                }
            }
        }
        None
    }

    /// Keeps a worker. If there are enough, the one that has been idle longest is ended.
    pub(super) fn put(&self, language: Language, user: Option<Uuid>, worker: Worker) {
        let mut workers = self.lock();
        workers.push(Entry { language, user, worker });
        let is_like = |entry: &Entry| entry.language == language;
        if workers.iter().filter(|entry| is_like(entry)).count() > self.max_per_language
            && let Some(oldest) = workers.iter().position(is_like)
        {
            workers.remove(oldest);
        }
    }
}
