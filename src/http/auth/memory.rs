//! The memory of verified tokens.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use super::CurrentUser;
use super::signing_keys::SigningKey;

/// How much is remembered, in bytes of tokens: some ten thousand ordinary ones.
const MAX_BYTES: u64 = 16 << 20;
const ORDINARY_TOKENS: usize = 10_000;
/// What else is kept with each.
const OVERHEAD: u64 = 256;

/// The SHA-256 of a token.
pub(super) type TokenHash = [u8; 32];

pub(super) fn hash(token: &str) -> TokenHash {
    let mut hash = TokenHash::default();
    hash.copy_from_slice(digest(&SHA256, token.as_bytes()).as_ref());
    hash
}

/// A token that was verified, and for how long that counts.
#[derive(Clone)]
pub(super) struct Verified {
    pub(super) user: CurrentUser,
    pub(super) until: i64,
    /// The published key that signed it; the memory ends when the key goes.
    pub(super) signed_by: Option<(String, Arc<SigningKey>)>,
}

/// Verified tokens by their hashes.
pub(super) type Memory = Cache<TokenHash, Verified, Weight>;

pub(super) fn memory() -> Memory {
    Cache::with_weighter(ORDINARY_TOKENS, MAX_BYTES, Weight)
}

/// Counts the bytes of tokens.
#[derive(Clone)]
pub(super) struct Weight;

impl Weighter<TokenHash, Verified> for Weight {
    fn weight(&self, _: &TokenHash, verified: &Verified) -> u64 {
        OVERHEAD + verified.user.token.expose_secret().len() as u64
    }
}
