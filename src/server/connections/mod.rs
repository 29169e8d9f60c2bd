//! The connections of a listener: how many there may be, and how long each may keep its place.
//!
//! A connection that sends nothing, sends its head too slowly, rests for too long, or reads nothing of
//! its answer is closed. When all places are taken, a new connection gets the place of the one that
//! has been doing nothing for the longest time, so that silent ones cannot shut a listener.

pub mod activity;
pub mod answer;
pub mod open_files;
pub mod refusals;
mod request_line;
pub mod socket;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::config::{Config, ConnectionTimes, TrustedProxies};
use crate::http::addresses::network;
use activity::Activity;

/// How many may be about to be dropped while new ones are accepted.
const LEAVING: usize = 8;

/// A listener's connections. Clones share them.
#[derive(Clone)]
pub struct Connections {
    inner: Arc<Inner>,
}

struct Inner {
    limit: usize,
    times: ConnectionTimes,
    trusted: TrustedProxies,
    places: Mutex<Places>,
    /// How many have given up their place and are still to be dropped.
    leaving: AtomicUsize,
}

#[derive(Default)]
struct Places {
    last_id: u64,
    taken: HashMap<u64, (IpAddr, Arc<Activity>)>,
    of_address: HashMap<IpAddr, usize>,
}

/// Why a connection is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Every connection is in use.
    Full,
    /// This address has its share.
    Address,
}

impl Refused {
    /// What to tell the operator.
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
    /// No more than `limit` connections, with the times of these settings.
    pub fn new(limit: usize, config: &Config) -> Self {
        let inner = Inner {
            limit,
            times: config.connection_times,
            trusted: config.trusted_proxies.clone(),
            places: Mutex::default(),
            leaving: AtomicUsize::new(0),
        };
        Self { inner: Arc::new(inner) }
    }

    /// A place for a connection from this address. One that does nothing may have to go for it.
    pub fn admit(&self, peer: IpAddr) -> Result<Place, Refused> {
        let key = network(peer);
        let is_counted = !peer.to_canonical().is_loopback() && !self.inner.trusted.contains(peer);
        let mut places = self.places();
        let of_address = places.of_address.get(&key).copied().unwrap_or(0);
        if is_counted && of_address >= self.inner.limit.div_ceil(2) {
            self.displace(&mut places, |address| *address == key).ok_or(Refused::Address)?;
        } else if places.taken.len() >= self.inner.limit {
            self.displace(&mut places, |_| true).ok_or(Refused::Full)?;
        }
        Ok(self.take(&mut places, key))
    }

    /// Closes the connection that has been doing nothing for longest, if there is one.
    pub fn make_room(&self) {
        let _ = self.displace(&mut self.places(), |_| true);
    }

    /// Waits until those that had to go have nearly all gone: their files are still open.
    pub async fn settled(&self) {
        while self.inner.leaving.load(Ordering::Relaxed) > LEAVING {
            tokio::task::yield_now().await;
        }
    }

    /// The times that connections have.
    pub fn times(&self) -> ConnectionTimes {
        self.inner.times
    }

    /// The networks whose forwarding headers are believed.
    pub fn trusted_proxies(&self) -> &TrustedProxies {
        &self.inner.trusted
    }

    fn displace(&self, places: &mut Places, may_go: impl Fn(&IpAddr) -> bool) -> Option<()> {
        places.displace(may_go)?;
        self.inner.leaving.fetch_add(1, Ordering::Relaxed);
        Some(())
    }

    fn take(&self, places: &mut Places, key: IpAddr) -> Place {
        let activity = Arc::new(Activity::new(self.inner.times));
        places.last_id += 1;
        places.taken.insert(places.last_id, (key, activity.clone()));
        *places.of_address.entry(key).or_default() += 1;
        Place { id: places.last_id, activity, connections: self.clone() }
    }

    fn places(&self) -> MutexGuard<'_, Places> {
        self.inner.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Places {
    fn displace(&mut self, may_go: impl Fn(&IpAddr) -> bool) -> Option<()> {
        let candidates = self.taken.iter().filter(|(_, (address, _))| may_go(address));
        let standing =
            candidates.filter_map(|(id, (_, activity))| Some((activity.standing()?, *id)));
        let (_, id) = standing.min()?;
        // It counts no longer, though it still has to be dropped.
        self.leave(id)?.displace();
        Some(())
    }

    fn leave(&mut self, id: u64) -> Option<Arc<Activity>> {
        let (address, activity) = self.taken.remove(&id)?;
        if let Some(count) = self.of_address.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                self.of_address.remove(&address);
            }
        }
        Some(activity)
    }
}

/// A connection's place, which is free again when this is dropped.
pub struct Place {
    id: u64,
    /// What the connection does.
    pub activity: Arc<Activity>,
    connections: Connections,
}

impl Place {
    /// The connections that it is one of.
    pub fn connections(&self) -> &Connections {
        &self.connections
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.connections.places().leave(self.id).is_none() {
            self.connections.inner.leaving.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests;
