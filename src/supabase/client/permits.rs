//! How many requests may be under way at once: in all, and of one user, whose slow requests must not take every
//! place.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use uuid::Uuid;

use crate::memory::Holder;
use crate::supabase::error::{SupabaseError, SupabaseErrorKind};

/// In all.
const MAX_CONCURRENT: usize = 512;
/// Of one user.
const MAX_OF_USER: usize = 32;
/// How long another one waits for its turn.
const MAX_QUEUE_TIME: Duration = Duration::from_secs(2);

/// The permits for requests.
pub(super) struct Permits {
    all: Arc<Semaphore>,
    /// Of the users who have requests under way.
    users: Mutex<HashMap<Uuid, Arc<Semaphore>>>,
}

/// Held while a request is under way.
pub(super) struct Permit<'a> {
    permits: &'a Permits,
    _any: OwnedSemaphorePermit,
    own: Option<(Uuid, OwnedSemaphorePermit)>,
}

impl Permits {
    pub fn new() -> Self {
        Self { all: Arc::new(Semaphore::new(MAX_CONCURRENT)), users: Mutex::default() }
    }

    /// Waits for the holder's turn, but not for long.
    pub async fn acquire(&self, holder: Holder) -> Result<Permit<'_>, SupabaseError> {
        let overloaded =
            |_| SupabaseError::new(SupabaseErrorKind::Overloaded, "too many requests under way");
        let turn = async {
            let own = match holder {
                Holder::User(user) => Some((user, self.of_user(user).acquire_owned().await?)),
                Holder::Anonymous | Holder::Server => None,
            };
            Ok((self.all.clone().acquire_owned().await?, own))
        };
        let turn = timeout(MAX_QUEUE_TIME, turn).await.map_err(overloaded)?;
        // Never closed.
        let (any, own) = turn.map_err(|_: tokio::sync::AcquireError| {
            SupabaseError::new(SupabaseErrorKind::Overloaded, "no requests are made")
        })?;
        Ok(Permit { permits: self, _any: any, own })
    }

    fn of_user(&self, user: Uuid) -> Arc<Semaphore> {
        let new = || Arc::new(Semaphore::new(MAX_OF_USER));
        self.users().entry(user).or_insert_with(new).clone()
    }

    fn users(&self) -> MutexGuard<'_, HashMap<Uuid, Arc<Semaphore>>> {
        self.users.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        let Some((user, permit)) = self.own.take() else { return };
        drop(permit);
        let mut users = self.permits.users();
        if users.get(&user).is_some_and(|own| Arc::strong_count(own) == 1) {
            users.remove(&user);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use futures_util::future::join_all;
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_waits_too_long_is_sent_away() {
        let permits = Permits::new();
        let others = join_all((0..512).map(|_| permits.acquire(Holder::Server))).await;
        assert!(others.iter().all(Result::is_ok));
        let started = Instant::now();
        let refused = permits.acquire(Holder::Anonymous).await.err().unwrap();
        assert_eq!(refused.kind, SupabaseErrorKind::Overloaded);
        assert_eq!(started.elapsed(), MAX_QUEUE_TIME);
        drop(others);
        assert!(permits.acquire(Holder::Anonymous).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn one_user_cannot_have_every_place() {
        let permits = Permits::new();
        let [alice, bob] = [1, 2].map(|id| Holder::User(Uuid::from_u128(id)));
        let mut own = join_all((0..32).map(|_| permits.acquire(alice))).await;
        assert!(own.iter().all(Result::is_ok));
        let mut next = permits.acquire(alice).boxed();
        assert!((&mut next).now_or_never().is_none());
        assert!(permits.acquire(bob).now_or_never().unwrap().is_ok());
        own.pop();
        assert!(next.now_or_never().unwrap().is_ok());
        drop(own);
        assert!(permits.users().is_empty(), "nothing is kept of who has none under way");
    }
}
