//! The connections that only read.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, Result};
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::queue::Queue;
use super::work::busy;
use super::{Caller, MAX_WAIT};

/// How many there are.
pub(super) const READERS: usize = 5;
/// How many of them are kept for signing in and for probes, which no flood of reads may stop.
const RESERVED: usize = 1;
/// How many one caller may have at a time.
const MAX_PER_CALLER: usize = 2;

/// The readers. Clones share them.
#[derive(Clone)]
pub(super) struct Readers {
    state: Arc<Mutex<State>>,
    pub queue: Queue<oneshot::Sender<Reader>>,
}

struct State {
    idle: Vec<Connection>,
    /// Who has the others.
    lent_to: Vec<Caller>,
}

impl State {
    fn may_lend_to(&self, caller: Caller) -> bool {
        let own = self.lent_to.iter().filter(|other| **other == caller).count();
        let ordinary = self.lent_to.iter().filter(|other| !other.is_privileged()).count();
        !self.idle.is_empty()
            && own < MAX_PER_CALLER
            && (caller.is_privileged() || ordinary < READERS - RESERVED)
    }
}

impl Readers {
    pub fn new(idle: Vec<Connection>) -> Self {
        let state = State { idle, lent_to: Vec::new() };
        Self { state: Arc::new(Mutex::new(state)), queue: Queue::default() }
    }

    /// A reader, once it is the caller's turn.
    pub async fn lend(&self, caller: Caller) -> Result<Reader> {
        if let Some(reader) = self.try_lend(caller) {
            return Ok(reader);
        }
        let (sender, receiver) = oneshot::channel();
        let _place = self.queue.push(caller, sender)?;
        // One may have been given back in the meantime.
        self.serve();
        match timeout(MAX_WAIT, receiver).await {
            Ok(Ok(reader)) => Ok(reader),
            Ok(Err(_)) | Err(_) => Err(busy()),
        }
    }

    fn try_lend(&self, caller: Caller) -> Option<Reader> {
        let mut state = self.lock();
        if !state.may_lend_to(caller) {
            return None;
        }
        let connection = state.idle.pop();
        state.lent_to.push(caller);
        Some(Reader { connection, caller, home: self.clone() })
    }

    /// Lends what is idle to those who wait.
    fn serve(&self) {
        loop {
            let mut state = self.lock();
            let next = self.queue.pop(|caller, _| state.may_lend_to(caller));
            let Some((caller, sender)) = next else { return };
            let connection = state.idle.pop();
            state.lent_to.push(caller);
            drop(state);
            // Who has stopped waiting gives it back at once.
            let _ = sender.send(Reader { connection, caller, home: self.clone() });
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A reader on loan, given back when it is dropped, also after a panic.
pub(super) struct Reader {
    connection: Option<Connection>,
    caller: Caller,
    home: Readers,
}

impl Reader {
    pub fn connection(&self) -> &Connection {
        self.connection.as_ref().expect("held until dropped")
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let mut state = self.home.lock();
        state.idle.extend(self.connection.take());
        if let Some(own) = state.lent_to.iter().position(|other| *other == self.caller) {
            state.lent_to.swap_remove(own);
        }
        drop(state);
        self.home.serve();
    }
}
