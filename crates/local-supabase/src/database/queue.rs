//! A fair queue: callers are served in turn, however many requests each of them has, and those that have
//! recently taken much time after the others.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::Result;

use super::caller::Caller;
use super::limits::busy;
use super::recent_use::RecentUse;

/// How long a request waits for its turn, as PostgREST's do for a connection of its pool.
pub(super) const MAX_WAIT: Duration = Duration::from_secs(10);
/// How many requests of one caller may wait. More are refused.
const MAX_PER_CALLER: usize = 200;
/// How many requests may wait in total.
const MAX_TOTAL: usize = 1000;

/// Waiting requests. Clones share them.
pub(super) struct Queue<T> {
    waiting: Arc<Mutex<Waiting<T>>>,
    /// The number of waiting requests, readable without the lock.
    pub len: Arc<AtomicUsize>,
    pub recent_use: Arc<RecentUse>,
}

struct Waiting<T> {
    /// By turn, then by arrival.
    requests: BTreeMap<Key, (Caller, T)>,
    /// The current turn, and the callers that were served in it.
    turn: u64,
    served: Vec<Caller>,
    arrivals: u64,
}

type Key = (u64, u64);

impl<T> Clone for Queue<T> {
    fn clone(&self) -> Self {
        Self {
            waiting: self.waiting.clone(),
            len: self.len.clone(),
            recent_use: self.recent_use.clone(),
        }
    }
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        let waiting =
            Waiting { requests: BTreeMap::new(), turn: 1, served: Vec::new(), arrivals: 0 };
        Self {
            waiting: Arc::new(Mutex::new(waiting)),
            len: Arc::default(),
            recent_use: Arc::default(),
        }
    }
}

impl<T> Queue<T> {
    /// Adds a request. Each further request of a caller waits for a later turn.
    pub fn push(&self, caller: Caller, request: T) -> Result<Ticket<T>> {
        let mut waiting = self.lock();
        let own = || waiting.requests.iter().filter(|(_, (other, _))| *other == caller);
        if waiting.requests.len() >= MAX_TOTAL || own().count() >= MAX_PER_CALLER {
            return Err(busy());
        }
        let turn = match own().last() {
            // Privileged work is short.
            _ if caller.is_privileged() => 0,
            Some(((turn, _), _)) => turn + 1,
            None => waiting.turn + u64::from(waiting.served.contains(&caller)),
        };
        waiting.arrivals += 1;
        let key = (turn, waiting.arrivals);
        waiting.requests.insert(key, (caller, request));
        self.len.store(waiting.requests.len(), Relaxed);
        Ok(Ticket { queue: self.clone(), key })
    }

    /// The first request that may be served.
    pub fn pop(&self, may: impl Fn(Caller, &T) -> bool) -> Option<(Caller, T)> {
        let mut waiting = self.lock();
        let mut requests = waiting.requests.iter();
        let is_light = |caller| !self.recent_use.is_heavy(caller);
        let mut light = requests.clone().filter(|(_, (caller, _))| is_light(*caller));
        let may = |(_, (caller, request)): &(&Key, &(Caller, T))| may(*caller, request);
        let key = *light.find(&may).or_else(|| requests.find(&may))?.0;
        let found = waiting.serve(key);
        self.len.store(waiting.requests.len(), Relaxed);
        found
    }

    /// The first request, if it may be served.
    pub fn pop_first(&self, may: impl Fn(&T) -> bool) -> Option<(Caller, T)> {
        let mut waiting = self.lock();
        let mut requests = waiting.requests.iter();
        let is_light = |(_, (caller, _)): &(&Key, &(Caller, T))| !self.recent_use.is_heavy(*caller);
        let first = requests.clone().find(is_light).or_else(|| requests.next());
        let key = *first.filter(|(_, (_, request))| may(request))?.0;
        let found = waiting.serve(key);
        self.len.store(waiting.requests.len(), Relaxed);
        found
    }

    fn lock(&self) -> MutexGuard<'_, Waiting<T>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Waiting<T> {
    fn serve(&mut self, key: Key) -> Option<(Caller, T)> {
        let found = self.requests.remove(&key)?;
        if key.0 > self.turn {
            self.turn = key.0;
            self.served.clear();
        }
        if !self.served.contains(&found.0) {
            self.served.push(found.0);
        }
        Some(found)
    }
}

/// A request's place in the queue. Dropping it removes the request.
pub(super) struct Ticket<T> {
    queue: Queue<T>,
    key: Key,
}

impl<T> Ticket<T> {
    /// Removes the request. Returns whether it was still waiting.
    pub fn cancel(&self) -> bool {
        let mut waiting = self.queue.lock();
        let left = waiting.requests.remove(&self.key);
        self.queue.len.store(waiting.requests.len(), Relaxed);
        drop(waiting);
        left.is_some()
    }
}

impl<T> Drop for Ticket<T> {
    fn drop(&mut self) {
        self.cancel();
    }
}
