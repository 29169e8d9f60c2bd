//! Workers that wait for a script. A worker that has run a script only serves the same user again, so
//! that a script that tampers with its worker harms nobody else.

use std::sync::{Mutex, MutexGuard, PoisonError};

use uuid::Uuid;

use super::process::Worker;

/// Modules take much memory, so few workers that have imported them wait.
const MAX_PREPARED: usize = 2;

/// What a worker was started for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    JavaScript,
    Python,
    /// Python that has imported what takes long.
    PreparedPython,
}

/// The idle workers, oldest first.
pub(super) struct IdleWorkers {
    workers: Mutex<Vec<Entry>>,
    /// How many are kept of each kind.
    max_per_kind: usize,
}

struct Entry {
    kind: Kind,
    /// Whose scripts it has run; `None` for a new one.
    user: Option<Uuid>,
    worker: Worker,
}

impl IdleWorkers {
    pub(super) fn new(max_per_kind: usize) -> Self {
        Self { workers: Mutex::default(), max_per_kind }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.workers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A worker for this user: one of theirs, or a new one.
    pub(super) fn take(&self, kind: Kind, user: Uuid) -> Option<Worker> {
        let mut workers = self.lock();
        for owner in [Some(user), None] {
            let is_fit = |entry: &Entry| entry.kind == kind && entry.user == owner;
            while let Some(at) = workers.iter().rposition(is_fit) {
                let mut worker = workers.remove(at).worker;
                if worker.is_alive() {
                    return Some(worker);
                }
            }
        }
        None
    }

    fn most(&self, kind: Kind) -> usize {
        match kind {
            Kind::PreparedPython => self.max_per_kind.min(MAX_PREPARED),
            Kind::JavaScript | Kind::Python => self.max_per_kind,
        }
    }

    /// Whether more workers of this kind may be kept.
    pub(super) fn lacks(&self, kind: Kind) -> bool {
        let workers = self.lock();
        workers.iter().filter(|entry| entry.kind == kind).count() < self.most(kind)
    }

    /// Keeps a worker. If there are enough, the one that has been idle longest is ended.
    pub(super) fn put(&self, kind: Kind, user: Option<Uuid>, worker: Worker) {
        let mut workers = self.lock();
        workers.push(Entry { kind, user, worker });
        let is_like = |entry: &Entry| entry.kind == kind;
        if workers.iter().filter(|entry| is_like(entry)).count() > self.most(kind)
            && let Some(oldest) = workers.iter().position(is_like)
        {
            workers.remove(oldest);
        }
    }
}
