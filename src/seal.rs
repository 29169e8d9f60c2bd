//! Seals: keyed digests (HMAC-SHA-256) by which the replicas of this server recognise what one of them has
//! made. The key is `SEAL_KEY`. What must not be read by others is encrypted with a key made from it.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::{digest, hmac};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret, SecretSlice, SecretString};
use uuid::Uuid;

/// Where the key of a server with a local Supabase is kept.
const FILE: &str = "seal_key";

/// What a seal is for. A seal for one purpose is worth nothing for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A replica asks another one something.
    PeerHello,
    /// The other one's reply.
    PeerWelcome,
    /// A request with a user's token, between replicas that have met.
    PeerRequest,
    /// A call of a tool that waits for a person's decision.
    ToolCall,
    /// A tool that a person has allowed for the rest of a chat.
    ToolGrant,
    /// A user's sign-in at a server of tools, as it is stored.
    ToolToken,
    /// A sign-in at a server of tools that has begun.
    ToolSignIn,
}

impl Purpose {
    fn name(self) -> &'static str {
        match self {
            Self::PeerHello => "peer-hello",
            Self::PeerWelcome => "peer-welcome",
            Self::PeerRequest => "peer-request",
            Self::ToolCall => "tool-call",
            Self::ToolGrant => "tool-grant",
            Self::ToolToken => "tool-token",
            Self::ToolSignIn => "tool-sign-in",
        }
    }
}

/// The keys: the first one seals, all of them verify, so that a key can be replaced while the server runs.
#[derive(Clone, Debug)]
pub struct SealKeys(Arc<[SecretSlice<u8>]>);

impl SealKeys {
    /// The keys of `SEAL_KEY`; none if there are none.
    pub fn new(keys: &[SecretString]) -> Option<Self> {
        let bytes = |key: &SecretString| key.expose_secret().as_bytes().to_vec().into();
        (!keys.is_empty()).then(|| Self(keys.iter().map(bytes).collect()))
    }

    /// A key made from the project's service key.
    pub fn derived_from(service_key: &SecretString) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, service_key.expose_secret().as_bytes());
        let derived = hmac::sign(&key, b"chat-backend: the key of seals");
        Self([derived.as_ref().to_vec().into()].into())
    }

    /// The random key that is kept in a folder, made on first use.
    pub fn kept_in(folder: &Path) -> io::Result<Self> {
        let path = folder.join(FILE);
        let key = match fs::read_to_string(&path).map(SecretString::from) {
            Ok(key) if key.expose_secret().trim().len() >= 32 => key,
            Ok(_) => return Err(io::Error::other(format!("{} is no key", path.display()))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let (one, two) = (Uuid::new_v4().simple(), Uuid::new_v4().simple());
                let key = SecretString::from(format!("{one}{two}"));
                private(&path)?.write_all(key.expose_secret().as_bytes())?;
                key
            }
            Err(error) => return Err(error),
        };
        Ok(Self([key.expose_secret().trim().as_bytes().to_vec().into()].into()))
    }

    /// A seal of these fields.
    pub fn seal(&self, purpose: Purpose, fields: &[&[u8]]) -> String {
        // There is at least one key.
        let tag = self.0.first().map(|key| sign(key, purpose, fields));
        tag.map(|tag| URL_SAFE_NO_PAD.encode(tag)).unwrap_or_default()
    }

    /// Whether one of the keys has sealed these fields for this purpose.
    pub fn verify(&self, purpose: Purpose, fields: &[&[u8]], seal: &str) -> bool {
        let Ok(seal) = URL_SAFE_NO_PAD.decode(seal) else { return false };
        let text = message(purpose, fields);
        self.0.iter().any(|key| hmac::verify(&hmac_key(key), &text, &seal).is_ok())
    }
}

impl SealKeys {
    /// Encrypts a text. It can be read again with the same purpose and fields alone.
    pub fn encrypt(
        &self,
        purpose: Purpose,
        fields: &[&[u8]],
        text: &str,
    ) -> Result<String, Unreadable> {
        let key = self.0.first().ok_or(Unreadable)?;
        let mut sealed = text.as_bytes().to_vec();
        let aad = Aad::from(message(purpose, fields));
        let nonce =
            cipher(key)?.seal_in_place_append_tag(aad, &mut sealed).map_err(|_| Unreadable)?;
        Ok(URL_SAFE_NO_PAD.encode([nonce.as_ref().as_slice(), &sealed].concat()))
    }

    /// Reads what was encrypted with one of the keys.
    pub fn decrypt(
        &self,
        purpose: Purpose,
        fields: &[&[u8]],
        sealed: &str,
    ) -> Option<SecretString> {
        let sealed = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let (nonce, sealed) = sealed.split_at_checked(NONCE_LEN)?;
        self.0.iter().find_map(|key| {
            let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
            let mut text = sealed.to_vec();
            let aad = Aad::from(message(purpose, fields));
            let text = cipher(key).ok()?.open_in_place(nonce, aad, &mut text).ok()?;
            std::str::from_utf8(text).ok().map(SecretString::from)
        })
    }
}

/// There is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it cannot be encrypted")]
pub struct Unreadable;

/// A key of its own, because the other one signs.
fn cipher(key: &SecretSlice<u8>) -> Result<RandomizedNonceKey, Unreadable> {
    let derived = hmac::sign(&hmac_key(key), b"chat-backend: the key of encryption");
    RandomizedNonceKey::new(&AES_256_GCM, derived.as_ref()).map_err(|_| Unreadable)
}

/// The SHA-256 of what is too long or too secret to be sealed itself.
pub fn sha256(bytes: &[u8]) -> impl AsRef<[u8]> {
    digest::digest(&digest::SHA256, bytes)
}

fn hmac_key(key: &SecretSlice<u8>) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, key.expose_secret())
}

fn sign(key: &SecretSlice<u8>, purpose: Purpose, fields: &[&[u8]]) -> hmac::Tag {
    hmac::sign(&hmac_key(key), &message(purpose, fields))
}

/// Each field with its length before it, so that no two lists make the same message.
fn message(purpose: Purpose, fields: &[&[u8]]) -> Vec<u8> {
    let mut message = Vec::new();
    for field in std::iter::once(purpose.name().as_bytes()).chain(fields.iter().copied()) {
        message.extend_from_slice(&(field.len() as u64).to_be_bytes());
        message.extend_from_slice(field);
    }
    message
}

/// A new file that only its owner can read.
fn private(path: &Path) -> io::Result<fs::File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(keys: &[&str]) -> SealKeys {
        let keys: Vec<_> = keys.iter().map(|key| SecretString::from(*key)).collect();
        SealKeys::new(&keys).unwrap()
    }

    #[test]
    fn a_seal_is_good_for_its_purpose_and_fields_alone() {
        let keys = keys(&["first", "second"]);
        let seal = keys.seal(Purpose::PeerHello, &[b"ab", b"c"]);
        assert!(keys.verify(Purpose::PeerHello, &[b"ab", b"c"], &seal));
        assert!(!keys.verify(Purpose::PeerWelcome, &[b"ab", b"c"], &seal));
        assert!(!keys.verify(Purpose::PeerHello, &[b"a", b"bc"], &seal));
        assert!(!keys.verify(Purpose::PeerHello, &[b"ab", b"c", b""], &seal));
        for nonsense in ["", "!", &seal[1..]] {
            assert!(!keys.verify(Purpose::PeerHello, &[b"ab", b"c"], nonsense));
        }
    }

    #[test]
    fn a_key_can_be_replaced_while_replicas_run() {
        let (old, both, new) = (keys(&["old"]), keys(&["new", "old"]), keys(&["new"]));
        let seal = |keys: &SealKeys| keys.seal(Purpose::PeerHello, &[b"hello"]);
        let takes =
            |keys: &SealKeys, seal: &str| keys.verify(Purpose::PeerHello, &[b"hello"], seal);
        assert!(takes(&both, &seal(&old)) && takes(&new, &seal(&both)));
        assert!(!takes(&new, &seal(&old)) && !takes(&old, &seal(&both)));
    }

    #[test]
    fn what_is_encrypted_is_read_by_all_keys_for_its_purpose_alone() {
        let (old, both, new) = (keys(&["old"]), keys(&["new", "old"]), keys(&["new"]));
        let purpose = Purpose::ToolToken;
        let sealed = old.encrypt(purpose, &[b"anna"], "s3cret").unwrap();
        assert!(!sealed.contains("s3cret"));
        assert_ne!(sealed, old.encrypt(purpose, &[b"anna"], "s3cret").unwrap());
        let read = |keys: &SealKeys, purpose, who: &[u8], sealed: &str| {
            keys.decrypt(purpose, &[who], sealed).map(|text| text.expose_secret().to_owned())
        };
        assert_eq!(read(&both, purpose, b"anna", &sealed).as_deref(), Some("s3cret"));
        assert_eq!(read(&new, purpose, b"anna", &sealed), None);
        assert_eq!(read(&old, purpose, b"bert", &sealed), None);
        assert_eq!(read(&old, Purpose::ToolSignIn, b"anna", &sealed), None);
        for nonsense in ["", "AAAA", "!", &sealed[..sealed.len() - 2]] {
            assert_eq!(read(&old, purpose, b"anna", nonsense), None);
        }
    }

    #[test]
    fn a_kept_key_stays_the_same() {
        let folder = std::env::temp_dir().join(format!("seal-key-{}", Uuid::new_v4()));
        fs::create_dir(&folder).unwrap();
        let seal = |keys: SealKeys| keys.seal(Purpose::PeerHello, &[]);
        let first = seal(SealKeys::kept_in(&folder).unwrap());
        assert_eq!(seal(SealKeys::kept_in(&folder).unwrap()), first);
        fs::write(folder.join(FILE), "short").unwrap();
        assert!(SealKeys::kept_in(&folder).is_err());
        fs::remove_dir_all(&folder).unwrap();
    }
}
