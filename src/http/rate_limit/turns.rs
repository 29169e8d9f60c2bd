//! Limits expensive work: few at once, and only one of each user.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use uuid::Uuid;

use crate::http::error::ApiError;

/// When callers who waited too long may try again.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// The turns. Clones share them.
#[derive(Clone)]
pub struct Turns {
    all: Arc<Semaphore>,
    by_user: Arc<Mutex<HashMap<Uuid, Arc<Semaphore>>>>,
    max_wait: Duration,
    busy: Busy,
}

/// What callers are told who have waited too long.
#[derive(Clone, Copy)]
pub struct Busy {
    /// For an earlier turn of their own.
    pub own: &'static str,
    /// For those of others.
    pub all: &'static str,
}

/// A turn, which ends when this is dropped.
pub struct Turn {
    _own: OwnedSemaphorePermit,
    _shared: OwnedSemaphorePermit,
}

impl Turns {
    /// This many turns at once; callers wait for at most `max_wait`, and are then told why.
    pub fn new(concurrency: usize, max_wait: Duration, busy: Busy) -> Self {
        let all = Arc::new(Semaphore::new(concurrency));
        Self { all, by_user: Arc::default(), max_wait, busy }
    }

    /// A turn for this user. Users first wait for their own turns, so that they do not block others.
    pub async fn take(&self, user_id: Uuid) -> Result<Turn, ApiError> {
        let own =
            self.by_user().entry(user_id).or_insert_with(|| Arc::new(Semaphore::new(1))).clone();
        let mut busy = self.busy.own;
        let turn = async {
            let own = own.acquire_owned().await.ok()?;
            busy = self.busy.all;
            Some(Turn { _own: own, _shared: self.all.clone().acquire_owned().await.ok()? })
        };
        let turn = tokio::time::timeout(self.max_wait, turn).await;
        turn.ok().flatten().ok_or_else(|| ApiError::unavailable("overloaded", busy, RETRY_AFTER))
    }

    pub(super) fn forget_idle(&self) {
        self.by_user().retain(|_, own| Arc::strong_count(own) > 1);
    }

    fn by_user(&self) -> MutexGuard<'_, HashMap<Uuid, Arc<Semaphore>>> {
        self.by_user.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::FutureExt;
    use uuid::Uuid;

    use super::{Busy, Turns};

    const BUSY: Busy = Busy { own: "Yours is running.", all: "Too many are running." };

    #[tokio::test(start_paused = true)]
    async fn a_user_takes_one_turn_at_a_time() {
        let turns = Turns::new(2, Duration::from_secs(30), BUSY);
        let [ann, bob, eve] = [1, 2, 3].map(Uuid::from_u128);
        let first = turns.take(ann).await.ok().unwrap();
        assert!(turns.take(ann).now_or_never().is_none());
        let _bobs = turns.take(bob).now_or_never().unwrap().ok().unwrap();
        assert!(turns.take(eve).now_or_never().is_none());
        drop(first);
        assert!(turns.take(eve).now_or_never().unwrap().is_ok());
        assert!(turns.take(ann).await.is_ok());
        let _eves = turns.take(eve).await.ok().unwrap();
        for (user, busy) in [(bob, BUSY.own), (ann, BUSY.all)] {
            let refused = turns.take(user).await.err().unwrap();
            assert_eq!((refused.code(), refused.detail()), ("overloaded", busy));
        }
    }

    #[tokio::test]
    async fn users_without_a_turn_are_forgotten() {
        let turns = Turns::new(2, Duration::from_secs(30), BUSY);
        let turn = turns.take(Uuid::nil()).await.ok().unwrap();
        turns.forget_idle();
        assert!(turns.take(Uuid::nil()).now_or_never().is_none());
        drop(turn);
        turns.forget_idle();
        assert!(turns.by_user().is_empty());
    }
}
