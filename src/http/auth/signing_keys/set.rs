//! A set of published keys. Pure.

use std::collections::HashMap;
use std::sync::Arc;

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};

/// A public key and the one algorithm it is for.
pub(in crate::http::auth) struct SigningKey {
    jwk: Jwk,
    pub(in crate::http::auth) key: DecodingKey,
    pub(in crate::http::auth) algorithm: Algorithm,
}

/// The keys by `kid`.
#[derive(Clone)]
pub(super) struct KeySet {
    keys: HashMap<String, Arc<SigningKey>>,
    /// In seconds since 1970.
    pub(super) fetched_at: i64,
}

impl KeySet {
    /// The keys that this server supports. An unchanged key keeps its `Arc`, so that cache entries can
    /// compare it by pointer.
    pub(super) fn new(published: JwkSet, old: Option<&Self>, fetched_at: i64) -> Self {
        let old = |kid: &str, jwk: &Jwk| old?.get(kid).filter(|key| key.jwk == *jwk);
        let named = published.keys.into_iter();
        let named = named.filter_map(|jwk| Some((jwk.common.key_id.clone()?, jwk)));
        let keys = named.filter_map(|(kid, jwk)| {
            let key = old(&kid, &jwk).or_else(|| signing_key(jwk))?;
            Some((kid, key))
        });
        Self { keys: keys.collect(), fetched_at }
    }

    pub(super) fn get(&self, kid: &str) -> Option<Arc<SigningKey>> {
        self.keys.get(kid).cloned()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }
}

fn signing_key(jwk: Jwk) -> Option<Arc<SigningKey>> {
    if jwk.common.public_key_use.as_ref().is_some_and(|usage| *usage != PublicKeyUse::Signature) {
        return None;
    }
    let algorithm = match &jwk.algorithm {
        AlgorithmParameters::EllipticCurve(ec) if ec.curve == EllipticCurve::P256 => {
            Algorithm::ES256
        }
        AlgorithmParameters::RSA(_) => Algorithm::RS256,
        AlgorithmParameters::OctetKeyPair(_) => Algorithm::EdDSA,
        _ => return None,
    };
    let key = DecodingKey::from_jwk(&jwk).ok()?;
    Some(Arc::new(SigningKey { jwk, key, algorithm }))
}
