//! The scripts that run or wait on this replica: how many there may be, and how one is cancelled.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::StatusCode;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::http::error::{ApiError, RateLimit};

/// One user's scripts, running and waiting.
const PER_USER: usize = 16;
/// All scripts that run or wait.
const IN_ALL: usize = 128;
const SOON: Duration = Duration::from_secs(1);

/// The scripts by their ids. Clones share them.
#[derive(Clone, Default)]
pub(super) struct Running(Arc<Inner>);

#[derive(Default)]
struct Inner {
    scripts: Mutex<HashMap<Uuid, Entry>>,
    left: Notify,
}

struct Entry {
    user_id: Uuid,
    cancelled: CancellationToken,
    ended: CancellationToken,
}

/// A script's place. Dropped, the script has ended.
pub(super) struct Place {
    running: Running,
    /// The script's id.
    pub(super) id: Uuid,
    /// Ends the script.
    pub(super) cancelled: CancellationToken,
}

impl Running {
    fn lock(&self) -> MutexGuard<'_, HashMap<Uuid, Entry>> {
        self.0.scripts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for one script; 429 when the user has too many, 503 when all have.
    pub(super) fn enter(&self, id: Uuid, user_id: Uuid) -> Result<Place, ApiError> {
        let mut scripts = self.lock();
        if scripts.contains_key(&id) {
            return Err(ApiError::id_conflict());
        }
        if scripts.values().filter(|entry| entry.user_id == user_id).count() >= PER_USER {
            return Err(too_many());
        }
        if scripts.len() >= IN_ALL {
            return Err(queue_full());
        }
        let (cancelled, ended) = (CancellationToken::new(), CancellationToken::new());
        scripts.insert(id, Entry { user_id, cancelled: cancelled.clone(), ended });
        Ok(Place { running: self.clone(), id, cancelled })
    }

    /// Waits for a place: a model may call for more scripts at once than there are places.
    pub(super) async fn wait(&self, id: Uuid, user_id: Uuid) -> Place {
        loop {
            let mut left = std::pin::pin!(self.0.left.notified());
            left.as_mut().enable();
            match self.enter(id, user_id) {
                Ok(place) => return place,
                Err(_) => left.await,
            }
        }
    }

    /// Cancels a script of the user's and waits until it has ended; false when none runs.
    pub(super) async fn cancel(&self, id: Uuid, user_id: Uuid) -> bool {
        let ended = {
            let scripts = self.lock();
            let Some(entry) = scripts.get(&id).filter(|entry| entry.user_id == user_id) else {
                return false;
            };
            entry.cancelled.cancel();
            entry.ended.clone()
        };
        ended.cancelled().await;
        true
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(entry) = self.running.lock().remove(&self.id) {
            entry.ended.cancel();
        }
        self.running.0.left.notify_waiters();
    }
}

fn too_many() -> ApiError {
    let detail = format!(
        "You have {PER_USER} scripts running or waiting, which is as many as you may. Please try \
         again when one has ended."
    );
    let limit = RateLimit {
        policy: "scripts",
        quota: PER_USER as u64,
        window_s: None,
        remaining: 0,
        reset_s: 1,
    };
    ApiError::new(StatusCode::TOO_MANY_REQUESTS, "too_many_scripts", detail)
        .with_retry_after(SOON)
        .with_rate_limit(limit)
}

fn queue_full() -> ApiError {
    ApiError::unavailable(
        "script_queue_full",
        "This server has more scripts to run than it can take. Please try again in a moment.",
        SOON,
    )
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    const ALICE: Uuid = Uuid::from_u128(1);
    const BOB: Uuid = Uuid::from_u128(2);

    fn enter(running: &Running, user: Uuid) -> Result<Place, ApiError> {
        running.enter(Uuid::new_v4(), user)
    }

    #[test]
    fn a_user_has_so_many_places_and_gets_them_back() {
        let running = Running::default();
        let mut taken: Vec<_> = (0..PER_USER).map(|_| enter(&running, ALICE).unwrap()).collect();
        assert_eq!(enter(&running, ALICE).err().unwrap().code(), "too_many_scripts");
        assert!(enter(&running, BOB).is_ok());
        taken.pop();
        assert!(enter(&running, ALICE).is_ok());
        drop(taken);
        assert!(running.lock().is_empty());
    }

    #[test]
    fn there_are_so_many_places_in_all() {
        let running = Running::default();
        let users = (0..).map(Uuid::from_u128);
        let taken: Vec<_> = users.take(IN_ALL).map(|user| enter(&running, user).unwrap()).collect();
        assert_eq!(enter(&running, Uuid::max()).err().unwrap().code(), "script_queue_full");
        drop(taken);
        assert!(enter(&running, Uuid::max()).is_ok());
    }

    #[test]
    fn who_can_wait_is_not_refused() {
        let running = Running::default();
        let mut taken: Vec<_> = (0..PER_USER).map(|_| enter(&running, ALICE).unwrap()).collect();
        let mut waits = running.wait(Uuid::new_v4(), ALICE).boxed();
        assert!((&mut waits).now_or_never().is_none());
        taken.pop();
        assert!(waits.now_or_never().is_some());
    }

    #[test]
    fn only_its_owner_cancels_a_script() {
        let running = Running::default();
        let place = enter(&running, ALICE).unwrap();
        assert_eq!(running.cancel(place.id, BOB).now_or_never(), Some(false));
        assert!(!place.cancelled.is_cancelled());
        let mut cancel = running.cancel(place.id, ALICE).boxed();
        assert!((&mut cancel).now_or_never().is_none(), "it has not ended yet");
        assert!(place.cancelled.is_cancelled());
        drop(place);
        assert_eq!(cancel.now_or_never(), Some(true));
    }
}
