//! The access token a generation saves with, kept fresh by the user's later requests.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};

use uuid::Uuid;

use crate::supabase::AccessToken;

/// The user of a generation, and their newest access token.
#[derive(Debug)]
pub struct Credentials {
    /// The user.
    pub user_id: Uuid,
    token: RwLock<Token>,
}

#[derive(Clone, Debug)]
struct Token {
    token: AccessToken,
    expires_at: i64,
}

impl Credentials {
    /// Credentials that begin with the token of the request.
    pub fn new(user_id: Uuid, token: AccessToken, expires_at: i64) -> Arc<Self> {
        Arc::new(Self { user_id, token: RwLock::new(Token { token, expires_at }) })
    }

    /// The newest token.
    pub fn token(&self) -> AccessToken {
        self.read().token
    }

    /// When the newest token ends, in seconds since 1970.
    pub fn expires_at(&self) -> i64 {
        self.read().expires_at
    }

    fn read(&self) -> Token {
        self.token.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn refresh(&self, token: &AccessToken, expires_at: i64) {
        let mut current = self.token.write().unwrap_or_else(PoisonError::into_inner);
        if expires_at > current.expires_at {
            *current = Token { token: token.clone(), expires_at };
        }
    }
}

/// Passes the newer tokens of a user's requests on to their running generations.
#[derive(Clone, Default)]
pub struct TokenRefresher {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    /// Lets the many requests without a running generation pass without a lock.
    running: AtomicUsize,
    credentials: Mutex<HashMap<Uuid, Vec<Weak<Credentials>>>>,
}

impl TokenRefresher {
    /// Gives this token to the user's running generations if it lasts longer than theirs.
    pub fn refresh(&self, user_id: Uuid, token: &AccessToken, expires_at: i64) {
        if self.inner.running.load(Ordering::Relaxed) == 0 {
            return;
        }
        let credentials = self.inner.lock();
        for running in credentials.get(&user_id).into_iter().flatten().filter_map(Weak::upgrade) {
            running.refresh(token, expires_at);
        }
    }

    /// Keeps these credentials fresh until the result is dropped.
    pub fn register(&self, credentials: &Arc<Credentials>) -> Registration {
        self.inner.running.fetch_add(1, Ordering::Relaxed);
        let mut all = self.inner.lock();
        all.entry(credentials.user_id).or_default().push(Arc::downgrade(credentials));
        Registration { refresher: self.inner.clone(), credentials: credentials.clone() }
    }
}

impl Inner {
    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Uuid, Vec<Weak<Credentials>>>> {
        self.credentials.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps credentials on the list of a [`TokenRefresher`].
pub struct Registration {
    refresher: Arc<Inner>,
    credentials: Arc<Credentials>,
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.refresher.running.fetch_sub(1, Ordering::Relaxed);
        let mut all = self.refresher.lock();
        let user_id = self.credentials.user_id;
        if let Some(list) = all.get_mut(&user_id) {
            list.retain(|other| !std::ptr::eq(other.as_ptr(), Arc::as_ptr(&self.credentials)));
            if list.is_empty() {
                all.remove(&user_id);
            }
        }
    }
}
