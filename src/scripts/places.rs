//! How many scripts a user, and all users together, may have running or waiting.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, StatusCode};
use uuid::Uuid;

use crate::error::ApiError;

/// One user's scripts, running and waiting.
const PER_USER: usize = 16;
/// All scripts that wait or run.
const IN_ALL: usize = 64;
const SOON: Duration = Duration::from_secs(1);

/// The places. Clones share them.
#[derive(Clone, Default)]
pub(super) struct Places(Arc<Mutex<HashMap<Uuid, usize>>>);

/// A place that is given back when it is dropped.
pub(super) struct Place {
    places: Places,
    user_id: Uuid,
}

impl Places {
    fn lock(&self) -> MutexGuard<'_, HashMap<Uuid, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for one script; 429 when the user has too many, 503 when all have.
    pub(super) fn take(&self, user_id: Uuid) -> Result<Place, ApiError> {
        let mut places = self.lock();
        let taken: usize = places.values().sum();
        let own = places.get(&user_id).copied().unwrap_or_default();
        if own >= PER_USER {
            return Err(too_many());
        }
        if taken >= IN_ALL {
            return Err(queue_full());
        }
        places.insert(user_id, own + 1);
        Ok(Place { places: self.clone(), user_id })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut places = self.places.lock();
        if let Some(own) = places.get_mut(&self.user_id) {
            *own -= 1;
            if *own == 0 {
                places.remove(&self.user_id);
            }
        }
    }
}

fn too_many() -> ApiError {
    let detail = format!(
        "You have {PER_USER} scripts running or waiting, which is as many as you may. Please try \
         again when one has ended."
    );
    let mut error = ApiError::new(StatusCode::TOO_MANY_REQUESTS, "too_many_scripts", detail)
        .with_retry_after(SOON);
    let policy = format!("\"scripts\";q={PER_USER}");
    for (name, value) in [("ratelimit", "\"scripts\";r=0;t=1"), ("ratelimit-policy", &*policy)] {
        if let Ok(value) = HeaderValue::from_str(value) {
            error = error.with_header(HeaderName::from_static(name), value);
        }
    }
    error
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
    use super::*;

    #[test]
    fn a_user_has_so_many_places_and_gets_them_back() {
        let (places, alice, bob) = (Places::default(), Uuid::from_u128(1), Uuid::from_u128(2));
        let mut taken: Vec<_> = (0..PER_USER).map(|_| places.take(alice).ok().unwrap()).collect();
        assert_eq!(places.take(alice).err().unwrap().code(), "too_many_scripts");
        assert!(places.take(bob).is_ok());
        taken.pop();
        assert!(places.take(alice).is_ok());
        drop(taken);
        assert!(places.lock().is_empty());
    }

    #[test]
    fn there_are_so_many_places_in_all() {
        let places = Places::default();
        let users = (0..).map(Uuid::from_u128);
        let taken: Vec<_> =
            users.take(IN_ALL).map(|user| places.take(user).ok().unwrap()).collect();
        assert_eq!(places.take(Uuid::max()).err().unwrap().code(), "script_queue_full");
        drop(taken);
        assert!(places.take(Uuid::max()).is_ok());
    }
}
