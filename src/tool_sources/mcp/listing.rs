//! A server's tools, kept for as long as it says.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use quick_cache::sync::Cache;
use serde_json::Value;
use tokio::sync::Mutex;
use tokio::time::Instant;
use uuid::Uuid;

use super::connection::{CallError, Connection};
use crate::agent::tools::source::{SourceError, SourceTool};

/// The most pages of a listing, and tools in all of them.
const MAX_PAGES: usize = 64;
const MAX_TOOLS: usize = 512;
/// How long a page may take.
const PAGE: Duration = Duration::from_secs(10);
/// How long a listing may take.
pub(super) const ALL_PAGES: Duration = Duration::from_secs(30);
/// How long a listing is kept whose server does not say.
const USUAL_LIFETIME: Duration = Duration::from_secs(60);
/// How long a listing is kept at least, so that a burst of requests asks once; and at most.
const LIFETIMES: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(3_600));
/// How long nobody asks a server again that has failed.
pub(super) const AFTER_FAILURE: Duration = Duration::from_secs(10);
/// The most users whose listings are kept, per server.
const MAX_LISTINGS: usize = 1_024;

/// The tools that a server offers somebody.
#[derive(Debug)]
pub(super) struct Listed {
    pub(super) tools: Vec<SourceTool>,
    /// Whether some arguments belong into headers as well.
    pub(super) has_header_parameters: bool,
}

/// A listing, or why there is none.
pub(super) struct Listing {
    pub(super) listed: Result<Arc<Listed>, SourceError>,
    pub(super) until: Instant,
}

/// The listings of a server: one where all users are the same to it, else one for each.
pub(super) struct Listings(Cache<Option<Uuid>, Arc<Mutex<Option<Listing>>>>);

impl Default for Listings {
    fn default() -> Self {
        Self(Cache::new(MAX_LISTINGS))
    }
}

impl Listings {
    /// What is kept, however old.
    pub(super) async fn kept(&self, key: Option<Uuid>) -> Option<Arc<Listed>> {
        let listing = self.0.get(&key)?;
        let listing = listing.lock().await;
        listing.as_ref()?.listed.clone().ok()
    }

    /// The place of a listing. Whoever has it locked asks the server.
    pub(super) fn place(&self, key: Option<Uuid>) -> Arc<Mutex<Option<Listing>>> {
        self.0.get_or_insert_with(&key, || Ok::<_, ()>(Arc::default())).unwrap_or_default()
    }

    /// Has the server asked again next time.
    pub(super) fn forget(&self, key: Option<Uuid>) {
        self.0.remove(&key);
    }
}

/// All pages of a server's tools, and how long they hold.
pub(super) async fn pages(connection: &Connection) -> Result<(Vec<Value>, Duration), CallError> {
    let (mut tools, mut lifetime) = (Vec::new(), USUAL_LIFETIME);
    let (mut cursor, mut cursors) = (None, HashSet::new());
    for _ in 0..MAX_PAGES {
        let mut page = connection.list(cursor, PAGE).await?;
        if let Some(ms) = page.get("ttlMs").and_then(Value::as_u64) {
            lifetime = lifetime.min(Duration::from_millis(ms));
        }
        let Some(Value::Array(more)) = page.get_mut("tools").map(Value::take) else { break };
        tools.extend(more.into_iter().take(MAX_TOOLS - tools.len()));
        // An empty text is a cursor like any other.
        let Some(next) = page.get("nextCursor").and_then(Value::as_str).map(str::to_owned) else {
            break;
        };
        if tools.len() == MAX_TOOLS || !cursors.insert(next.clone()) {
            break;
        }
        cursor = Some(next);
    }
    connection.set_listed();
    Ok((tools, lifetime.clamp(LIFETIMES.0, LIFETIMES.1)))
}
