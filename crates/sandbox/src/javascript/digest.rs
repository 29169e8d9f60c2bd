//! Digests of bytes, for `crypto` of scripts. Pure.

use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use sha1::Sha1;
use sha2::digest::Digest;
use sha2::{Sha224, Sha256, Sha384, Sha512};

/// The digest of bytes, authenticated if there is a key; `None` if the algorithm is not known.
pub(super) fn digest(algorithm: &str, bytes: &[u8], key: Option<&[u8]>) -> Option<Vec<u8>> {
    let Some(key) = key else {
        return Some(match algorithm {
            "md5" => Md5::digest(bytes).to_vec(),
            "sha1" => Sha1::digest(bytes).to_vec(),
            "sha224" => Sha224::digest(bytes).to_vec(),
            "sha256" => Sha256::digest(bytes).to_vec(),
            "sha384" => Sha384::digest(bytes).to_vec(),
            "sha512" => Sha512::digest(bytes).to_vec(),
            _ => return None,
        });
    };
    match algorithm {
        "md5" => authenticate::<Hmac<Md5>>(key, bytes),
        "sha1" => authenticate::<Hmac<Sha1>>(key, bytes),
        "sha224" => authenticate::<Hmac<Sha224>>(key, bytes),
        "sha256" => authenticate::<Hmac<Sha256>>(key, bytes),
        "sha384" => authenticate::<Hmac<Sha384>>(key, bytes),
        "sha512" => authenticate::<Hmac<Sha512>>(key, bytes),
        _ => None,
    }
}

fn authenticate<M: Mac + KeyInit>(key: &[u8], bytes: &[u8]) -> Option<Vec<u8>> {
    let mut mac = <M as KeyInit>::new_from_slice(key).ok()?;
    mac.update(bytes);
    Some(mac.finalize().into_bytes().to_vec())
}
