//! The connections of all MCP sources: one per source, user and credential, never shared between users,
//! because what a session remembers is the user's.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::OnceCell;
use tokio::time::Instant;
use uuid::Uuid;

use super::connection::Connection;

/// The most connections of this process.
const MAX_CONNECTIONS: usize = 256;
/// How long an unused connection is kept.
const MAX_IDLE: Duration = Duration::from_secs(300);
/// How often unused ones are looked for.
const CLEANUP_EVERY: Duration = Duration::from_secs(30);

/// Whose connection it is, and to what.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) source: String,
    pub(super) user_id: Uuid,
    /// A digest: after another sign-in there is another session.
    pub(super) credential: [u8; 32],
}

/// All connections.
#[derive(Clone)]
pub struct Connections(Arc<Mutex<HashMap<Key, Slot>>>);

struct Slot {
    connection: Arc<OnceCell<Connection>>,
    used: Instant,
}

/// A connection in use: it is not closed meanwhile.
pub(super) type InUse = Arc<OnceCell<Connection>>;

impl Connections {
    /// None yet. Unused ones are closed from time to time.
    pub fn new() -> Self {
        let connections = Self(Arc::default());
        let weak = Arc::downgrade(&connections.0);
        tokio::spawn(async move { while cleanup(&weak).await {} });
        connections
    }

    /// The place of a connection, empty where there is none yet. None if there are too many and all are in use.
    pub(super) fn place(&self, key: &Key) -> Option<InUse> {
        let mut slots = self.lock();
        if let Some(slot) = slots.get_mut(key) {
            slot.used = Instant::now();
            if !slot.connection.get().is_some_and(Connection::is_closed) {
                return Some(slot.connection.clone());
            }
            slots.remove(key);
        }
        if slots.len() >= MAX_CONNECTIONS {
            let idle = slots.iter().filter(|(_, slot)| slot.is_idle());
            let longest = idle.min_by_key(|(_, slot)| slot.used).map(|(key, _)| key.clone())?;
            slots.remove(&longest);
        }
        let connection = InUse::default();
        slots.insert(key.clone(), Slot { connection: connection.clone(), used: Instant::now() });
        Some(connection)
    }

    /// Gives a connection up whose server refuses it.
    pub(super) fn remove(&self, key: &Key) {
        self.lock().remove(key);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Slot>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Connections {
    fn default() -> Self {
        Self::new()
    }
}

impl Slot {
    fn is_idle(&self) -> bool {
        Arc::strong_count(&self.connection) == 1
    }
}

/// Closes what has been unused for too long. False when nobody has the connections any more.
async fn cleanup(connections: &Weak<Mutex<HashMap<Key, Slot>>>) -> bool {
    tokio::time::sleep(CLEANUP_EVERY).await;
    let Some(connections) = connections.upgrade() else { return false };
    let mut slots = connections.lock().unwrap_or_else(PoisonError::into_inner);
    slots.retain(|_, slot| !slot.is_idle() || slot.used.elapsed() < MAX_IDLE);
    true
}
