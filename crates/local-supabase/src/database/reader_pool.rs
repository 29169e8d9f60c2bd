//! The pool of connections that only read.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use rusqlite::{Connection, Result};
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::caller::Caller;
use super::limits::busy;
use super::queue::{MAX_WAIT, Queue};
use super::recent_use::RecentUse;

/// The number of connections.
pub(super) const POOL_SIZE: usize = 5;
/// How many of them are reserved for signing in and health checks, which a flood of reads must not stop.
const RESERVED: usize = 1;
/// How many are reserved for callers that have recently taken little time.
const RESERVED_FOR_LIGHT: usize = 1;
/// How many one caller may use at a time.
const MAX_PER_CALLER: usize = 2;

/// The pool. Clones share it.
#[derive(Clone)]
pub(super) struct ReaderPool {
    state: Arc<Mutex<State>>,
    pub queue: Queue<oneshot::Sender<PooledReader>>,
}

struct State {
    idle: Vec<Connection>,
    /// The callers of the others.
    in_use_by: Vec<Caller>,
    recent_use: Arc<RecentUse>,
}

impl State {
    fn may_acquire(&self, caller: Caller) -> bool {
        let own = self.in_use_by.iter().filter(|other| **other == caller).count();
        let ordinary = self.in_use_by.iter().filter(|other| !other.is_privileged());
        let is_heavy = |caller: &Caller| self.recent_use.is_heavy(*caller);
        !self.idle.is_empty()
            && own < MAX_PER_CALLER
            && (caller.is_privileged() || ordinary.clone().count() < POOL_SIZE - RESERVED)
            && (!is_heavy(&caller)
                || ordinary.filter(|other| is_heavy(other)).count()
                    < POOL_SIZE - RESERVED - RESERVED_FOR_LIGHT)
    }
}

impl ReaderPool {
    pub fn new(idle: Vec<Connection>) -> Self {
        let queue: Queue<_> = Queue::default();
        let state = State { idle, in_use_by: Vec::new(), recent_use: queue.recent_use.clone() };
        Self { state: Arc::new(Mutex::new(state)), queue }
    }

    /// Waits for the caller's turn and takes a connection.
    pub async fn acquire(&self, caller: Caller) -> Result<PooledReader> {
        if let Some(reader) = self.try_acquire(caller) {
            return Ok(reader);
        }
        let (sender, receiver) = oneshot::channel();
        let _ticket = self.queue.push(caller, sender)?;
        // One may have been returned in the meantime.
        self.assign_idle();
        match timeout(MAX_WAIT, receiver).await {
            Ok(Ok(reader)) => Ok(reader),
            Ok(Err(_)) | Err(_) => Err(busy()),
        }
    }

    fn try_acquire(&self, caller: Caller) -> Option<PooledReader> {
        let mut state = self.lock();
        if !state.may_acquire(caller) {
            return None;
        }
        let connection = state.idle.pop();
        state.in_use_by.push(caller);
        Some(self.pooled(connection, caller))
    }

    /// Assigns idle connections to waiting requests.
    fn assign_idle(&self) {
        loop {
            let mut state = self.lock();
            let next = self.queue.pop(|caller, _| state.may_acquire(caller));
            let Some((caller, sender)) = next else { return };
            let connection = state.idle.pop();
            state.in_use_by.push(caller);
            drop(state);
            // A request that has stopped waiting returns it at once.
            let _ = sender.send(self.pooled(connection, caller));
        }
    }

    fn pooled(&self, connection: Option<Connection>, caller: Caller) -> PooledReader {
        PooledReader { connection, caller, since: Instant::now(), pool: self.clone() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection in use. It is returned to the pool when this is dropped, also after a panic.
pub(super) struct PooledReader {
    connection: Option<Connection>,
    caller: Caller,
    since: Instant,
    pool: ReaderPool,
}

impl PooledReader {
    pub fn connection(&self) -> &Connection {
        self.connection.as_ref().expect("held until dropped")
    }
}

impl Drop for PooledReader {
    fn drop(&mut self) {
        self.pool.queue.recent_use.add(self.caller, self.since.elapsed());
        let mut state = self.pool.lock();
        state.idle.extend(self.connection.take());
        if let Some(own) = state.in_use_by.iter().position(|other| *other == self.caller) {
            state.in_use_by.swap_remove(own);
        }
        drop(state);
        self.pool.assign_idle();
    }
}
