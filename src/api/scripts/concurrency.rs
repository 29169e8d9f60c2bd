//! The scripts that run or wait on this replica: how many there may be, and how one is cancelled.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::StatusCode;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::http::error::{ApiError, RateLimit};
use crate::sandbox::Client;

/// The most scripts of one user that run or wait.
const MAX_PER_USER: usize = 16;
/// The most scripts of all users that run or wait.
const MAX_TOTAL: usize = 128;
/// The most scripts of all guests.
const MAX_OF_GUESTS: usize = MAX_TOTAL / 2;
/// With more scripts than these, only who has none gets another place.
const MANY: usize = MAX_TOTAL / 4 * 3;
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The scripts that run or wait, by id. Clones share them.
#[derive(Clone, Default)]
pub(super) struct ScriptSlots(Arc<Inner>);

#[derive(Default)]
struct Inner {
    scripts: Mutex<HashMap<Uuid, Entry>>,
    released: Notify,
}

struct Entry {
    client: Client,
    cancelled: CancellationToken,
    ended: CancellationToken,
}

/// The right of one script to run or wait. Dropping it means that the script has ended.
pub(super) struct Permit {
    slots: ScriptSlots,
    /// The script's id.
    pub(super) id: Uuid,
    /// Ends the script.
    pub(super) cancelled: CancellationToken,
}

impl ScriptSlots {
    fn lock(&self) -> MutexGuard<'_, HashMap<Uuid, Entry>> {
        self.0.scripts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A permit for one script; 429 if the user has too many scripts, 503 if the server has.
    pub(super) fn try_acquire(&self, id: Uuid, client: Client) -> Result<Permit, ApiError> {
        let mut scripts = self.lock();
        if scripts.contains_key(&id) {
            return Err(ApiError::id_conflict());
        }
        let own = scripts.values().filter(|entry| entry.client.user == client.user).count();
        if own >= MAX_PER_USER {
            return Err(too_many());
        }
        let guests = || scripts.values().filter(|entry| entry.client.is_guest).count();
        if scripts.len() >= if own == 0 { MAX_TOTAL } else { MANY }
            || client.is_guest && guests() >= MAX_OF_GUESTS
        {
            return Err(queue_full());
        }
        let (cancelled, ended) = (CancellationToken::new(), CancellationToken::new());
        scripts.insert(id, Entry { client, cancelled: cancelled.clone(), ended });
        Ok(Permit { slots: self.clone(), id, cancelled })
    }

    /// Waits for a permit: a model may call more scripts at once than a user may have.
    pub(super) async fn acquire(&self, id: Uuid, client: Client) -> Permit {
        loop {
            let mut released = std::pin::pin!(self.0.released.notified());
            released.as_mut().enable();
            match self.try_acquire(id, client) {
                Ok(permit) => return permit,
                Err(_) => released.await,
            }
        }
    }

    /// Cancels a script of the user's and waits until it has ended; false when none runs.
    pub(super) async fn cancel(&self, id: Uuid, user_id: Uuid) -> bool {
        let ended = {
            let scripts = self.lock();
            let Some(entry) = scripts.get(&id).filter(|entry| entry.client.user == user_id) else {
                return false;
            };
            entry.cancelled.cancel();
            entry.ended.clone()
        };
        ended.cancelled().await;
        true
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(entry) = self.slots.lock().remove(&self.id) {
            entry.ended.cancel();
        }
        self.slots.0.released.notify_waiters();
    }
}

fn too_many() -> ApiError {
    let detail = format!(
        "You have {MAX_PER_USER} scripts running or waiting, which is as many as you may. Please try \
         again when one has ended."
    );
    let limit = RateLimit {
        policy: "scripts",
        quota: MAX_PER_USER as u64,
        window_s: None,
        remaining: 0,
        reset_s: 1,
    };
    ApiError::new(StatusCode::TOO_MANY_REQUESTS, "too_many_scripts", detail)
        .with_retry_after(RETRY_AFTER)
        .with_rate_limit(limit)
}

fn queue_full() -> ApiError {
    ApiError::unavailable(
        "script_queue_full",
        "This server has more scripts to run than it can take. Please try again in a moment.",
        RETRY_AFTER,
    )
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    const ALICE: Uuid = Uuid::from_u128(1);
    const BOB: Uuid = Uuid::from_u128(2);

    fn try_acquire(slots: &ScriptSlots, user: Uuid) -> Result<Permit, ApiError> {
        slots.try_acquire(Uuid::new_v4(), user.into())
    }

    #[test]
    fn a_user_has_so_many_places_and_gets_them_back() {
        let slots = ScriptSlots::default();
        let mut taken: Vec<_> =
            (0..MAX_PER_USER).map(|_| try_acquire(&slots, ALICE).unwrap()).collect();
        assert_eq!(try_acquire(&slots, ALICE).err().unwrap().code(), "too_many_scripts");
        assert!(try_acquire(&slots, BOB).is_ok());
        taken.pop();
        assert!(try_acquire(&slots, ALICE).is_ok());
        drop(taken);
        assert!(slots.lock().is_empty());
    }

    #[test]
    fn there_are_so_many_places_in_all() {
        let slots = ScriptSlots::default();
        let users = (0..).map(Uuid::from_u128);
        let taken: Vec<_> =
            users.take(MAX_TOTAL).map(|user| try_acquire(&slots, user).unwrap()).collect();
        assert_eq!(try_acquire(&slots, Uuid::max()).err().unwrap().code(), "script_queue_full");
        drop(taken);
        assert!(try_acquire(&slots, Uuid::max()).is_ok());
    }

    #[test]
    fn the_last_places_are_for_who_has_none() {
        let slots = ScriptSlots::default();
        let guest = |number: u128| Client { user: Uuid::from_u128(number), is_guest: true };
        let of_guest = |number: u128| slots.try_acquire(Uuid::new_v4(), guest(number));
        let guests: Vec<_> = (0..).map_while(|number| of_guest(100 + number / 8).ok()).collect();
        assert_eq!(guests.len(), MAX_OF_GUESTS);
        let of_user = |number: u128| try_acquire(&slots, Uuid::from_u128(number / 8)).ok();
        let users: Vec<_> = (16..).map_while(of_user).collect();
        assert_eq!(guests.len() + users.len(), MANY + 1, "the last one had none before");
        assert!(try_acquire(&slots, ALICE).is_ok(), "she has none");
    }

    #[test]
    fn who_can_wait_is_not_refused() {
        let slots = ScriptSlots::default();
        let mut taken: Vec<_> =
            (0..MAX_PER_USER).map(|_| try_acquire(&slots, ALICE).unwrap()).collect();
        let mut waits = slots.acquire(Uuid::new_v4(), ALICE.into()).boxed();
        assert!((&mut waits).now_or_never().is_none());
        taken.pop();
        assert!(waits.now_or_never().is_some());
    }

    #[test]
    fn only_its_owner_cancels_a_script() {
        let slots = ScriptSlots::default();
        let permit = try_acquire(&slots, ALICE).unwrap();
        assert_eq!(slots.cancel(permit.id, BOB).now_or_never(), Some(false));
        assert!(!permit.cancelled.is_cancelled());
        let mut cancel = slots.cancel(permit.id, ALICE).boxed();
        assert!((&mut cancel).now_or_never().is_none(), "it has not ended yet");
        assert!(permit.cancelled.is_cancelled());
        drop(permit);
        assert_eq!(cancel.now_or_never(), Some(true));
    }
}
