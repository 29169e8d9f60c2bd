//! How large a file may be: this server's limit, and the bucket's own, to which Storage holds only
//! uploads whose length is known beforehand.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use super::{BUCKET, Files};
use crate::supabase::Caller;

/// How long the bucket's limit is remembered.
const FRESH: Duration = Duration::from_secs(300);

/// The bucket's limit, as it was last seen.
#[derive(Clone, Default)]
pub(super) struct BucketLimit(Arc<Mutex<Option<Seen>>>);

#[derive(Clone, Copy)]
struct Seen {
    limit: Option<u64>,
    until: Timestamp,
}

impl Files {
    /// The largest file that can be uploaded.
    pub(super) async fn largest(&self) -> u64 {
        let limit = if self.supabase.has_service_key() { self.bucket_limit().await } else { None };
        limit.map_or(self.max_bytes, |limit| limit.min(self.max_bytes))
    }

    /// Users cannot read it, so it takes the service key.
    async fn bucket_limit(&self) -> Option<u64> {
        let now = self.clock.now();
        let seen = *self.bucket_limit.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(seen) = seen.filter(|seen| seen.until > now) {
            return seen.limit;
        }
        let limit = match self.supabase.bucket(BUCKET, Caller::Service).size_limit().await {
            Ok(limit) => limit,
            Err(error) => {
                tracing::warn!("the bucket's own size limit is not known: {error}");
                None
            }
        };
        let until = now.saturating_add(FRESH).unwrap_or(now);
        let mut last = self.bucket_limit.0.lock().unwrap_or_else(PoisonError::into_inner);
        *last = Some(Seen { limit, until });
        limit
    }
}
