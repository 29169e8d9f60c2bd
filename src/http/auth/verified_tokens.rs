//! The cache of verified tokens.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use quick_cache::sync::Cache;
use quick_cache::{Equivalent, Weighter};

use super::current_user::CurrentUser;
use super::signing_keys::SigningKey;
use crate::supabase::AccessToken;

/// The size of the cache in bytes, enough for about ten thousand tokens of ordinary length.
const MAX_BYTES: u64 = 16 << 20;
const ORDINARY_TOKENS: usize = 10_000;
/// The size of an entry besides its token.
const OVERHEAD: u64 = 256;

/// The SHA-256 of a token.
pub(super) type TokenHash = [u8; 32];

pub(super) fn hash(token: &str) -> TokenHash {
    let mut hash = TokenHash::default();
    hash.copy_from_slice(digest(&SHA256, token.as_bytes()).as_ref());
    hash
}

/// A verified token and how long the entry is valid.
#[derive(Clone)]
pub(super) struct Verified {
    pub(super) user: CurrentUser,
    pub(super) until: i64,
    /// The published key that signed it; the entry ends when the key goes.
    pub(super) signed_by: Option<(Arc<str>, Arc<SigningKey>)>,
}

/// A token by which an entry is found. It is in the entry as well; a digest in its place would have to be computed
/// for each request.
#[derive(Clone)]
pub(super) struct Key(pub(super) AccessToken);

impl Hash for Key {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.0.expose_secret().hash(hasher);
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.0.expose_secret() == other.0.expose_secret()
    }
}

impl Eq for Key {}

impl Equivalent<Key> for str {
    fn equivalent(&self, key: &Key) -> bool {
        key.0.expose_secret() == self
    }
}

/// Verified tokens.
pub(super) type VerifiedTokens = Cache<Key, Verified, Weight>;

pub(super) fn cache() -> VerifiedTokens {
    Cache::with_weighter(ORDINARY_TOKENS, MAX_BYTES, Weight)
}

/// Counts the bytes of tokens.
#[derive(Clone)]
pub(super) struct Weight;

impl Weighter<Key, Verified> for Weight {
    fn weight(&self, _: &Key, verified: &Verified) -> u64 {
        OVERHEAD + verified.user.token.expose_secret().len() as u64
    }
}
