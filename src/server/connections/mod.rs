//! The connections of a listener: how many there may be, and how long each may keep its slot.
//!
//! A connection that sends nothing, sends its head too slowly, rests for too long, or reads nothing of
//! its answer is closed. When all slots are taken, a new connection gets the place of the one that
//! has been idle for the longest time, so that idle ones cannot block a listener.

pub mod activity;
pub mod http1;
pub mod open_files;
pub mod refusal_log;
pub mod request_body;
mod request_line;
pub mod response_body;
pub mod sender;
pub mod socket;
pub mod stream;
mod unsent;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::config::{Config, ConnectionTimeouts, TrustedProxies};
use crate::http::addresses::network;
use activity::Activity;

/// How many evicted connections may still be open while new ones are accepted.
const MAX_EVICTING: usize = 8;

/// A listener's connections. Clones share them.
#[derive(Clone)]
pub struct Connections {
    inner: Arc<Inner>,
}

struct Inner {
    limit: usize,
    times: ConnectionTimeouts,
    trusted: TrustedProxies,
    slots: Mutex<Slots>,
    /// How many evicted connections are still open.
    evicting: AtomicUsize,
}

#[derive(Default)]
struct Slots {
    last_id: u64,
    /// None for the address of one that is not counted.
    in_use: HashMap<u64, (Option<IpAddr>, Arc<Activity>)>,
    by_address: HashMap<IpAddr, usize>,
}

/// Why a connection is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Every connection is in use.
    Full,
    /// The address already has its share.
    Address,
}

impl Refused {
    /// The explanation for the log.
    pub fn explanation(self) -> &'static str {
        match self {
            Self::Full => "as many as MAX_CONNECTIONS allows are in use",
            Self::Address => {
                "one address has half of MAX_CONNECTIONS in use; if it is a proxy's, name it in \
                 TRUSTED_PROXIES"
            }
        }
    }
}

impl Connections {
    /// At most `limit` connections, with the timeouts of these settings.
    pub fn new(limit: usize, config: &Config) -> Self {
        let inner = Inner {
            limit,
            times: config.connection_timeouts,
            trusted: config.trusted_proxies.clone(),
            slots: Mutex::default(),
            evicting: AtomicUsize::new(0),
        };
        Self { inner: Arc::new(inner) }
    }

    /// A slot for a connection from this address. Evicts an idle connection if necessary.
    pub fn admit(&self, peer: IpAddr) -> Result<Slot, Refused> {
        let key = network(peer);
        let is_counted = !peer.to_canonical().is_loopback() && !self.inner.trusted.contains(peer);
        let mut slots = self.slots();
        let by_address = slots.by_address.get(&key).copied().unwrap_or(0);
        if is_counted && by_address >= self.inner.limit.div_ceil(2) {
            self.evict(&mut slots, |address| *address == Some(key)).ok_or(Refused::Address)?;
        } else if slots.in_use.len() >= self.inner.limit {
            self.evict(&mut slots, |_| true).ok_or(Refused::Full)?;
        }
        Ok(self.take(&mut slots, key))
    }

    /// How many there are.
    pub fn in_use(&self) -> usize {
        self.slots().in_use.len()
    }

    /// Evicts the connection that has been idle for the longest time, if there is one.
    pub fn evict_one(&self) {
        let _ = self.evict(&mut self.slots(), |_| true);
    }

    /// Waits until nearly all evicted connections are closed: until then they use file descriptors.
    pub async fn wait_for_evicted(&self) {
        while self.inner.evicting.load(Ordering::Relaxed) > MAX_EVICTING {
            tokio::task::yield_now().await;
        }
    }

    /// The timeouts of connections.
    pub fn times(&self) -> ConnectionTimeouts {
        self.inner.times
    }

    /// The networks whose forwarding headers are trusted.
    pub fn trusted_proxies(&self) -> &TrustedProxies {
        &self.inner.trusted
    }

    fn evict(&self, slots: &mut Slots, may_evict: impl Fn(&Option<IpAddr>) -> bool) -> Option<()> {
        slots.evict(may_evict)?;
        self.inner.evicting.fetch_add(1, Ordering::Relaxed);
        Some(())
    }

    fn take(&self, slots: &mut Slots, key: IpAddr) -> Slot {
        let activity = Arc::new(Activity::new(self.inner.times));
        slots.last_id += 1;
        let id = slots.last_id;
        slots.in_use.insert(id, (Some(key), activity.clone()));
        *slots.by_address.entry(key).or_default() += 1;
        Slot { id, activity, connections: self.clone() }
    }

    fn slots(&self) -> MutexGuard<'_, Slots> {
        self.inner.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slots {
    fn evict(&mut self, may_evict: impl Fn(&Option<IpAddr>) -> bool) -> Option<()> {
        let candidates = self.in_use.iter().filter(|(_, (address, _))| may_evict(address));
        let idle =
            candidates.filter_map(|(id, (_, activity))| Some((activity.eviction_priority()?, *id)));
        let (_, id) = idle.min()?;
        // Its slot is free from now on, although it is still open.
        self.remove(id)?.evict();
        Some(())
    }

    fn remove(&mut self, id: u64) -> Option<Arc<Activity>> {
        self.exempt(id);
        self.in_use.remove(&id).map(|(_, activity)| activity)
    }

    /// Takes a connection out of the count of its address.
    fn exempt(&mut self, id: u64) {
        let address = self.in_use.get_mut(&id).and_then(|(address, _)| address.take());
        let Some(address) = address else { return };
        if let Some(count) = self.by_address.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                self.by_address.remove(&address);
            }
        }
    }
}

/// A connection's slot, which is released when this is dropped.
pub struct Slot {
    id: u64,
    /// The activity of the connection.
    pub activity: Arc<Activity>,
    connections: Connections,
}

impl Slot {
    /// The connections of the listener.
    pub fn connections(&self) -> &Connections {
        &self.connections
    }

    /// Takes this connection out of the count of its address.
    pub fn exempt(&self) -> impl Fn() + Send + Sync + 'static {
        let (id, connections) = (self.id, self.connections.clone());
        move || connections.slots().exempt(id)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if self.connections.slots().remove(self.id).is_none() {
            self.connections.inner.evicting.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests;
