//! One source: asked in time, its listings kept as it says.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};
use tracing::{info, warn};
use uuid::Uuid;

use super::listing::Listing;
use crate::agent::tools::source::{Keep, SharedBy, SourceTool, ToolSource, Who};
use crate::clock::Clock;
use crate::observability::metrics::Metrics;

/// How long a turn waits for a source.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long a source may take whose answer serves later turns.
const MAX_LISTING: Duration = Duration::from_secs(30);
/// How long a source that has failed is not asked again.
const AFTER_FAILURE: Duration = Duration::from_secs(5);
/// The most listings of one source that are kept, and what they may take together.
const MAX_KEPT: usize = 1_024;
const MAX_KEPT_BYTES: usize = 16 << 20;
const SLOW: &str = "it did not answer in time";

/// One source.
pub(super) struct Entry {
    pub(super) source: Arc<dyn ToolSource>,
    clock: Clock,
    metrics: Metrics,
    kept: Mutex<HashMap<Key, watch::Receiver<Option<Kept>>>>,
    /// The tools that were listed last, and what was made of them.
    newest: Mutex<Option<(Vec<SourceTool>, Arc<Listing>)>>,
    health: Mutex<Option<SourceHealth>>,
}

/// Whom a listing is for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Key {
    Everybody,
    Role(Option<String>),
    User(Uuid),
}

#[derive(Clone)]
struct Kept {
    listing: Arc<Listing>,
    listed_at: Instant,
    until: Instant,
}

/// How a source's last listing went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceHealth {
    /// How many tools it had.
    pub tools: usize,
    /// Why it had none.
    pub error: Option<String>,
    /// When it was, in seconds since 1970.
    pub at: i64,
}

impl Key {
    fn new(shared_by: SharedBy, who: &Who) -> Self {
        match shared_by {
            SharedBy::Everybody => Self::Everybody,
            SharedBy::Role => Self::Role(who.role.clone()),
            SharedBy::User => Self::User(who.credentials.user_id),
        }
    }
}

impl Entry {
    pub(super) fn new(source: Arc<dyn ToolSource>, clock: Clock, metrics: Metrics) -> Arc<Self> {
        Arc::new(Self {
            source,
            clock,
            metrics,
            kept: Mutex::default(),
            newest: Mutex::default(),
            health: Mutex::default(),
        })
    }

    pub(super) fn label(&self) -> &str {
        self.source.label()
    }

    /// How the last listing went; none before the first.
    pub(super) fn health(&self) -> Option<SourceHealth> {
        lock(&self.health).clone()
    }

    /// The tools of this user, or why there are none: never later than a turn can wait.
    pub(super) async fn listing(self: &Arc<Self>, who: &Who) -> Arc<Listing> {
        let listing = match self.source.keeps() {
            None => timeout(PATIENCE, self.ask(who)).await.ok(),
            Some(keep) => self.kept_listing(keep, who).await,
        };
        listing.unwrap_or_else(|| {
            let slow = Arc::new(Listing::failed(SLOW));
            self.note(&slow);
            slow
        })
    }

    async fn kept_listing(self: &Arc<Self>, keep: Keep, who: &Who) -> Option<Arc<Listing>> {
        let mut slot = self.slot(keep, who);
        let filled = timeout(PATIENCE, slot.wait_for(Option::is_some)).await.ok()?.ok()?;
        filled.as_ref().map(|kept| kept.listing.clone())
    }

    /// Where the listing is or will be.
    fn slot(self: &Arc<Self>, keep: Keep, who: &Who) -> watch::Receiver<Option<Kept>> {
        let key = Key::new(keep.shared_by, who);
        let mut kept = lock(&self.kept);
        let before = match kept.get(&key) {
            None => None,
            Some(slot) => {
                let filled = slot.borrow().clone();
                match filled {
                    Some(old) if old.until <= Instant::now() => Some(old.listing),
                    // Its task may have been lost with a runtime.
                    None if slot.has_changed().is_err() => None,
                    _ => return slot.clone(),
                }
            }
        };
        let (sender, slot) = watch::channel(None);
        make_room(&mut kept);
        kept.insert(key, slot.clone());
        drop(kept);
        tokio::spawn(self.clone().fill(sender, keep, who.clone(), before));
        slot
    }

    async fn fill(
        self: Arc<Self>,
        slot: watch::Sender<Option<Kept>>,
        keep: Keep,
        who: Who,
        before: Option<Arc<Listing>>,
    ) {
        let asked = timeout(MAX_LISTING, self.ask(&who)).await;
        let listing = asked.unwrap_or_else(|_| Arc::new(Listing::failed(SLOW)));
        self.count_changes(before.as_deref(), &listing);
        let lifetime = if listing.error.is_none() { keep.lifetime } else { AFTER_FAILURE };
        let listed_at = Instant::now();
        slot.send_replace(Some(Kept { listing, listed_at, until: listed_at + lifetime }));
    }

    /// Asks the source, whatever it does.
    async fn ask(&self, who: &Who) -> Arc<Listing> {
        let listed = AssertUnwindSafe(async { self.source.list(who).await }).catch_unwind().await;
        let listing = match listed {
            Ok(Ok(tools)) => self.prepared(tools).await,
            Ok(Err(error)) => Arc::new(Listing::failed(error.0)),
            Err(_) => Arc::new(Listing::failed("it crashed")),
        };
        self.note(&listing);
        listing
    }

    /// What is made of these tools; it is made once as long as they stay the same.
    async fn prepared(&self, tools: Vec<SourceTool>) -> Arc<Listing> {
        if let Some((old, listing)) = &*lock(&self.newest)
            && *old == tools
        {
            return listing.clone();
        }
        let listing = Listing::new(self.label(), self.source.kind(), tools.clone()).await;
        let listing = Arc::new(listing);
        *lock(&self.newest) = Some((tools, listing.clone()));
        listing
    }

    fn note(&self, listing: &Listing) {
        let at = self.clock.unix_seconds();
        let (tools, error) = (listing.tools.len(), listing.error.clone());
        let mut health = lock(&self.health);
        let failed_before = health.as_ref().is_some_and(|health| health.error.is_some());
        if let Some(error) = error.as_ref().filter(|_| !failed_before) {
            warn!(source = self.label(), "a source of tools has none: {error}");
        }
        *health = Some(SourceHealth { tools, error, at });
    }

    fn count_changes(&self, before: Option<&Listing>, listing: &Listing) {
        let changes = before.map_or(0, |before| listing.changes_since(before));
        if changes > 0 {
            info!(source = self.label(), changes, "definitions of tools have changed");
            self.metrics.tool_definitions_changed(self.source.kind().as_str(), changes);
        }
    }
}

/// Drops the oldest listings of which there are too many.
fn make_room(kept: &mut HashMap<Key, watch::Receiver<Option<Kept>>>) {
    let mut ages = Vec::new();
    let mut bytes = 0;
    for (key, slot) in kept.iter() {
        if let Some(kept) = &*slot.borrow() {
            bytes += kept.listing.bytes;
            ages.push((kept.listed_at, key.clone(), kept.listing.bytes));
        }
    }
    let mut count = kept.len();
    if count < MAX_KEPT && bytes < MAX_KEPT_BYTES {
        return;
    }
    ages.sort_by_key(|(listed_at, ..)| *listed_at);
    for (_, key, size) in ages {
        // To half, so that this is not done each time.
        if count < MAX_KEPT / 2 && bytes < MAX_KEPT_BYTES / 2 {
            break;
        }
        kept.remove(&key);
        count -= 1;
        bytes -= size;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
