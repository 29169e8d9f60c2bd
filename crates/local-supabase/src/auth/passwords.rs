//! Passwords: how strong they must be and how they are kept.

use std::sync::Arc;

use argon2::{Argon2, PasswordHasher, PasswordVerifier};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;

use super::error::AuthError;

const SHORTEST: usize = 6;
const LONGEST: usize = 72;

/// Each hash takes 19 MiB and some 20 ms of a core.
const AT_ONCE: usize = 2;

/// More than this many that wait are refused; they would take seconds.
const WAITING: usize = 64;

/// Hashes and verifies off the async threads, a few at a time.
pub(crate) struct Passwords {
    free: Arc<Semaphore>,
    admitted: Semaphore,
}

impl Passwords {
    pub(crate) fn new() -> Self {
        Self {
            free: Arc::new(Semaphore::new(AT_ONCE)),
            admitted: Semaphore::new(AT_ONCE + WAITING),
        }
    }

    /// The text to keep in place of a password.
    pub(super) async fn hash(&self, password: SecretString) -> Result<String, AuthError> {
        self.run(move || hash(password.expose_secret())).await?.map_err(AuthError::internal)
    }

    /// Whether a password is right. Without a hash nothing is, after the same time as otherwise, so
    /// that the time does not tell whether somebody is registered.
    pub(super) async fn verify(
        &self,
        password: SecretString,
        stored: Option<String>,
    ) -> Result<bool, AuthError> {
        let verify = move || match stored {
            Some(stored) => Argon2::default()
                .verify_password(password.expose_secret().as_bytes(), stored.as_str())
                .is_ok(),
            None => {
                let _ = hash(password.expose_secret());
                false
            }
        };
        self.run(verify).await
    }

    async fn run<T, F>(&self, work: F) -> Result<T, AuthError>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let _admitted = self.admitted.try_acquire().map_err(|_| AuthError::too_many())?;
        let permit = self.free.clone().acquire_owned().await.map_err(AuthError::internal)?;
        let work = move || {
            let _permit = permit;
            work()
        };
        tokio::task::spawn_blocking(work).await.map_err(AuthError::internal)
    }
}

fn hash(password: &str) -> argon2::password_hash::Result<String> {
    Ok(Argon2::default().hash_password(password.as_bytes())?.to_string())
}

/// Refuses what is too long. GoTrue counts bytes.
pub(super) fn check_length(password: &SecretString) -> Result<(), AuthError> {
    if password.expose_secret().len() > LONGEST {
        let message = format!("Password cannot be longer than {LONGEST} characters");
        return Err(AuthError::validation(message));
    }
    Ok(())
}

/// Refuses what a user must not choose.
pub(super) fn check_strength(password: &SecretString) -> Result<(), AuthError> {
    check_length(password)?;
    if password.expose_secret().len() < SHORTEST {
        let message = format!("Password should be at least {SHORTEST} characters.");
        return Err(AuthError::weak_password(message));
    }
    Ok(())
}
