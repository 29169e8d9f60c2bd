//! How many requests of tools are under way: in all, for a user, to a host.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::error::EgressError;
use crate::memory::Holder;

/// How many requests may be under way at once.
const MAX_IN_ALL: usize = 256;
const MAX_PER_USER: usize = 16;
const MAX_PER_HOST: usize = 64;
/// How long another one waits for its turn.
const MAX_QUEUE_TIME: Duration = Duration::from_secs(2);
/// How many users and hosts are remembered before those without requests are forgotten.
const MAX_REMEMBERED: usize = 512;

/// Gives requests their turns.
pub struct Turns {
    all: Arc<Semaphore>,
    shares: Mutex<HashMap<Share, Weak<Semaphore>>>,
}

#[derive(Clone, PartialEq, Eq, Hash)]
enum Share {
    Holder(Holder),
    Host(String),
}

/// The turn of a request, until it is dropped.
#[derive(Debug)]
pub struct Turn {
    _permits: [OwnedSemaphorePermit; 3],
}

impl Default for Turns {
    fn default() -> Self {
        Self { all: Arc::new(Semaphore::new(MAX_IN_ALL)), shares: Mutex::default() }
    }
}

impl Turns {
    /// Waits a little for the turn of a request.
    pub async fn next(&self, holder: Holder, host: &str) -> Result<Turn, EgressError> {
        let permits = async {
            let own = self.share(Share::Holder(holder), MAX_PER_USER).acquire_owned().await?;
            let hosts =
                self.share(Share::Host(host.to_owned()), MAX_PER_HOST).acquire_owned().await?;
            Ok::<_, tokio::sync::AcquireError>([
                own,
                hosts,
                self.all.clone().acquire_owned().await?,
            ])
        };
        match timeout(MAX_QUEUE_TIME, permits).await {
            Ok(Ok(permits)) => Ok(Turn { _permits: permits }),
            Ok(Err(_)) | Err(_) => Err(EgressError::Busy),
        }
    }

    fn share(&self, share: Share, size: usize) -> Arc<Semaphore> {
        let mut shares = self.shares.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = shares.get(&share).and_then(Weak::upgrade) {
            return found;
        }
        if shares.len() >= MAX_REMEMBERED {
            shares.retain(|_, semaphore| semaphore.strong_count() > 0);
        }
        let semaphore = Arc::new(Semaphore::new(size));
        shares.insert(share, Arc::downgrade(&semaphore));
        semaphore
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_user_and_a_host_have_no_more_than_their_share() {
        let turns = Turns::default();
        let user = |n| Holder::User(Uuid::from_u128(n));
        let mut held = Vec::new();
        for n in 0..MAX_PER_USER {
            held.push(turns.next(user(1), &format!("{n}.example")).await.unwrap());
        }
        let one_more = turns.next(user(1), "other.example").await;
        assert_eq!(one_more.unwrap_err(), EgressError::Busy);
        for n in 0..MAX_PER_HOST as u128 {
            held.push(turns.next(user(2 + n), "slow.example").await.unwrap());
        }
        assert!(turns.next(user(999), "slow.example").await.is_err());
        let other = turns.next(user(999), "fast.example").await;
        assert!(other.is_ok(), "others do not wait");
        held.clear();
        assert!(turns.next(user(1), "slow.example").await.is_ok());
    }
}
