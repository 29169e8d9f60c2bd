//! The keys of the local Supabase: the API keys, and the ES256 keys that sign access tokens.

use std::fs;
use std::path::Path;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurveKeyParameters, Jwk};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header};
use secrecy::{ExposeSecret, SecretSlice, SecretString};
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::data_dir::{DataDir, create_private_dir, write_secret};
use super::open_error::OpenError;

/// The key that front ends send as `apikey`. It is not secret and always the same.
pub const PUBLISHABLE_KEY: &str = "sb_publishable_local";

const SERVICE_KEY_PREFIX: &str = "sb_secret_";

/// The service key, generated on first use.
pub(super) fn service_key(data_dir: &DataDir) -> Result<SecretString, OpenError> {
    secret(data_dir, "service_key", SERVICE_KEY_PREFIX, "a service key")
}

/// The secret that signs the URLs of Storage.
pub(super) fn url_secret(data_dir: &DataDir) -> Result<SecretString, OpenError> {
    secret(data_dir, "url_secret", "", "a secret")
}

/// A secret in a file of its own, generated on first use.
fn secret(
    data_dir: &DataDir,
    name: &str,
    prefix: &str,
    expected: &'static str,
) -> Result<SecretString, OpenError> {
    let path = data_dir.join(name);
    match fs::read_to_string(&path).map(SecretString::from) {
        Ok(text) => match text.expose_secret().trim() {
            key if key.len() > prefix.len() => Ok(key.into()),
            _ => Err(OpenError::Secret { path, expected }),
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let (one, two) = (Uuid::new_v4().simple(), Uuid::new_v4().simple());
            let key = SecretString::from(format!("{prefix}{one}{two}"));
            write_secret(&path, key.expose_secret().as_bytes())
                .map_err(|source| OpenError::Folder { path, source })?;
            Ok(key)
        }
        Err(source) => Err(OpenError::Folder { path, source }),
    }
}

/// The signing keys, oldest first. The newest signs; all of them verify, so that a new one can be
/// added without signing users out.
pub(super) struct SigningKeys {
    keys: Vec<SigningKey>,
}

struct SigningKey {
    id: Uuid,
    private: EncodingKey,
    public: DecodingKey,
    jwk: Value,
}

impl SigningKeys {
    /// Reads the keys, and generates one if there are none.
    pub(super) fn open(data_dir: &DataDir) -> Result<Self, OpenError> {
        let folder = data_dir.join("signing_keys");
        let mut keys = read_keys(&folder)?;
        if keys.is_empty() {
            generate_key(&folder)?;
            keys = read_keys(&folder)?;
        }
        keys.sort_by_key(|key| key.id);
        Ok(Self { keys })
    }

    /// The public keys as `/.well-known/jwks.json` shows them.
    pub(super) fn jwks(&self) -> Value {
        json!({ "keys": self.keys.iter().map(|key| &key.jwk).collect::<Vec<_>>() })
    }

    /// Signs the claims with the newest key.
    pub(super) fn sign(&self, claims: &impl Serialize) -> jsonwebtoken::errors::Result<String> {
        let key = self.keys.last().expect("`open` generates a key if there is none");
        let mut header = Header::new(Algorithm::ES256);
        header.kid = Some(key.id.to_string());
        jsonwebtoken::encode(&header, claims, &key.private)
    }

    /// The public key that a token names.
    pub(super) fn find(&self, kid: &str) -> Option<&DecodingKey> {
        let id = Uuid::try_parse(kid).ok()?;
        self.keys.iter().find(|key| key.id == id).map(|key| &key.public)
    }
}

/// Each key is a PKCS#8 file named after its id. The ids are of version 7, so they sort by age.
fn read_keys(folder: &Path) -> Result<Vec<SigningKey>, OpenError> {
    let unreadable = |source| OpenError::Folder { path: folder.to_owned(), source };
    create_private_dir(folder).map_err(unreadable)?;
    let mut keys = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|extension| extension == "pk8") {
            keys.push(read_key(&path)?);
        }
    }
    Ok(keys)
}

fn read_key(path: &Path) -> Result<SigningKey, OpenError> {
    let bytes =
        fs::read(path).map_err(|source| OpenError::Folder { path: path.to_owned(), source })?;
    let bytes = SecretSlice::from(bytes);
    let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
    Uuid::try_parse(name)
        .ok()
        .and_then(|id| parse_key(id, bytes.expose_secret()))
        .ok_or_else(|| OpenError::Secret { path: path.to_owned(), expected: "a signing key" })
}

fn parse_key(id: Uuid, pkcs8: &[u8]) -> Option<SigningKey> {
    let private = EncodingKey::from_ec_der(pkcs8);
    let jwk = Jwk::from_encoding_key(&private, Algorithm::ES256).ok()?;
    let public = DecodingKey::from_jwk(&jwk).ok()?;
    let AlgorithmParameters::EllipticCurve(parameters) = jwk.algorithm else { return None };
    Some(SigningKey { id, private, public, jwk: public_jwk(id, &parameters) })
}

fn public_jwk(id: Uuid, parameters: &EllipticCurveKeyParameters) -> Value {
    json!({
        "alg": "ES256",
        "crv": "P-256",
        "ext": true,
        "key_ops": ["verify"],
        "kid": id,
        "kty": "EC",
        "use": "sig",
        "x": parameters.x,
        "y": parameters.y,
    })
}

fn generate_key(folder: &Path) -> Result<(), OpenError> {
    let pkcs8 = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)
        .and_then(|pair| pair.to_pkcs8v1())
        .map_err(|_| OpenError::KeyGeneration)?;
    let path = folder.join(format!("{}.pk8", Uuid::now_v7()));
    write_secret(&path, pkcs8.as_ref()).map_err(|source| OpenError::Folder { path, source })
}
