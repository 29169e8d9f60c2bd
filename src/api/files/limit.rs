//! The maximum size of a file: this server's limit, and the bucket's own, which Storage enforces only
//! for uploads of known length.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use crate::clock::Clock;
use crate::supabase::{Caller, Supabase};

/// How long the bucket's limit is cached.
const TTL: Duration = Duration::from_secs(300);

/// The bucket's limit when it was last read.
#[derive(Clone, Default)]
pub(super) struct BucketLimit(Arc<Mutex<Option<Seen>>>);

#[derive(Clone, Copy)]
struct Seen {
    limit: Option<u64>,
    until: Timestamp,
}

impl BucketLimit {
    /// The limit of this bucket; `None` if it has none or it is unknown. Requires the service key:
    /// users cannot read it.
    pub(super) async fn get(
        &self,
        supabase: &Supabase,
        bucket: &'static str,
        clock: &Clock,
    ) -> Option<u64> {
        let now = clock.now();
        let seen = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(seen) = seen.filter(|seen| seen.until > now) {
            return seen.limit;
        }
        let limit = match supabase.bucket(bucket, Caller::Service).size_limit().await {
            Ok(limit) => limit,
            Err(error) => {
                tracing::warn!("the bucket's own size limit is not known: {error}");
                None
            }
        };
        let until = now.saturating_add(TTL).unwrap_or(now);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Seen { limit, until });
        limit
    }
}
