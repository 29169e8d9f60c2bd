//! Hashing and verifying passwords.

use std::fmt::Display;
use std::sync::Arc;

use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;

/// The memory that a hash takes, in KiB, as OWASP advises.
pub const PASSWORD_KIB: u32 = Params::DEFAULT_M_COST;
/// The least that Argon2 takes, for tests.
pub const PASSWORD_KIB_LEAST: u32 = Params::MIN_M_COST;

/// Each hash takes 19 MiB and some 20 ms of a core.
const MAX_CONCURRENT: usize = 2;

/// How many wait for their turn. More are refused; they would wait for seconds.
const MAX_WAITING: usize = 64;

/// Why a password was not hashed or verified.
#[derive(Debug)]
pub(super) enum PasswordError {
    /// Too many requests are waiting.
    Busy,
    /// Hashing failed.
    Internal(String),
}

impl PasswordError {
    fn internal(error: impl Display) -> Self {
        Self::Internal(error.to_string())
    }
}

/// Hashes and verifies passwords on blocking threads, a few at a time.
pub(super) struct Passwords {
    free: Arc<Semaphore>,
    admitted: Semaphore,
    kib: u32,
}

impl Passwords {
    /// Passwords whose hashes take this many KiB of memory to make.
    pub(super) fn new(kib: u32) -> Self {
        Self {
            kib,
            free: Arc::new(Semaphore::new(MAX_CONCURRENT)),
            admitted: Semaphore::new(MAX_CONCURRENT + MAX_WAITING),
        }
    }

    /// The hash to store in place of a password.
    pub(super) async fn hash(&self, password: SecretString) -> Result<String, PasswordError> {
        let kib = self.kib;
        let hash = move || hash(password.expose_secret(), kib);
        self.run(hash).await?.map_err(PasswordError::internal)
    }

    /// Whether a password is correct. Without a stored hash it is not; the answer takes as long as with
    /// one, so that it does not reveal whether an account exists.
    pub(super) async fn verify(
        &self,
        password: SecretString,
        stored: Option<String>,
    ) -> Result<bool, PasswordError> {
        let kib = self.kib;
        let verify = move || match stored {
            Some(stored) => Argon2::default()
                .verify_password(password.expose_secret().as_bytes(), stored.as_str())
                .is_ok(),
            None => {
                let _ = hash(password.expose_secret(), kib);
                false
            }
        };
        self.run(verify).await
    }

    async fn run<T, F>(&self, work: F) -> Result<T, PasswordError>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let _admitted = self.admitted.try_acquire().map_err(|_| PasswordError::Busy)?;
        let permit = self.free.clone().acquire_owned().await.map_err(PasswordError::internal)?;
        let work = move || {
            let _permit = permit;
            work()
        };
        tokio::task::spawn_blocking(work).await.map_err(PasswordError::internal)
    }
}

fn hash(password: &str, kib: u32) -> argon2::password_hash::Result<String> {
    let params = Params::new(kib, Params::DEFAULT_T_COST, Params::DEFAULT_P_COST, None)?;
    let argon2 = Argon2::new(Algorithm::default(), Version::default(), params);
    Ok(argon2.hash_password(password.as_bytes())?.to_string())
}
