//! As many connections as PostgREST has, each for one transaction at a time.

use std::sync::Mutex;
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

use super::super::Session;
use super::failure::Failure;

/// What PostgREST's `db-pool` is where nothing is set.
const CONNECTIONS: usize = 10;

/// Its `db-pool-acquisition-timeout`.
const PATIENCE: Duration = Duration::from_secs(10);

pub struct Pool {
    turns: Semaphore,
    /// Connections between two requests. That one was lost meanwhile is found when it is used.
    idle: Mutex<Vec<Session>>,
}

/// The right to use a connection.
pub struct Turn<'a> {
    pool: &'a Pool,
    _permit: SemaphorePermit<'a>,
}

impl Default for Pool {
    fn default() -> Self {
        Self { turns: Semaphore::new(CONNECTIONS), idle: Mutex::default() }
    }
}

impl Pool {
    pub async fn turn(&self) -> Result<Turn<'_>, Failure> {
        let permit = timeout(PATIENCE, self.turns.acquire()).await;
        let permit = permit.map_err(|_| Failure::no_turn())?.unwrap();
        Ok(Turn { pool: self, _permit: permit })
    }
}

impl Turn<'_> {
    pub fn idle(&self) -> Option<Session> {
        self.pool.idle.lock().unwrap().pop()
    }

    pub fn give_back(self, session: Session) {
        if !session.is_closed() {
            self.pool.idle.lock().unwrap().push(session);
        }
    }
}
