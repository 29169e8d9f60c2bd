//! Keys that sign access tokens.

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RsaKeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

pub struct Key {
    pub kid: String,
    /// As the project publishes it.
    pub jwk: Value,
    algorithm: Algorithm,
    signing: EncodingKey,
}

fn base64(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

impl Key {
    pub fn es256(kid: &str) -> Self {
        let random = SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref()).unwrap();
        let point = pair.public_key().as_ref();
        let jwk = json!({ "kid": kid, "kty": "EC", "alg": "ES256", "crv": "P-256", "use": "sig",
            "x": base64(&point[1..33]), "y": base64(&point[33..65]) });
        let signing = EncodingKey::from_ec_der(pkcs8.as_ref());
        Self { kid: kid.to_owned(), jwk, algorithm: Algorithm::ES256, signing }
    }

    pub fn ed25519(kid: &str) -> Self {
        let pair = Ed25519KeyPair::generate().unwrap();
        let pkcs8 = pair.to_pkcs8v1().unwrap();
        let jwk = json!({ "kid": kid, "kty": "OKP", "alg": "EdDSA", "crv": "Ed25519", "use": "sig",
            "x": base64(pair.public_key().as_ref()) });
        let signing = EncodingKey::from_ed_der(pkcs8.as_ref());
        Self { kid: kid.to_owned(), jwk, algorithm: Algorithm::EdDSA, signing }
    }

    pub fn rs256(kid: &str) -> Self {
        let pair = RsaKeyPair::generate(aws_lc_rs::rsa::KeySize::Rsa2048).unwrap();
        let public = pair.public_key();
        let jwk = json!({ "kid": kid, "kty": "RSA", "alg": "RS256", "use": "sig",
            "n": base64(public.modulus().big_endian_without_leading_zero()),
            "e": base64(public.exponent().big_endian_without_leading_zero()) });
        // jsonwebtoken wants PKCS #1, which stands inside PKCS #8 behind a header of fixed length.
        let pkcs8 = pair.as_der().unwrap();
        let signing = EncodingKey::from_rsa_der(&pkcs8.as_ref()[26..]);
        Self { kid: kid.to_owned(), jwk, algorithm: Algorithm::RS256, signing }
    }

    pub fn hs256(secret: &[u8]) -> Self {
        let signing = EncodingKey::from_secret(secret);
        Self { kid: String::new(), jwk: Value::Null, algorithm: Algorithm::HS256, signing }
    }

    /// A token with these claims.
    pub fn sign(&self, claims: &Value) -> String {
        let mut header = Header::new(self.algorithm);
        header.kid = Some(self.kid.clone()).filter(|kid| !kid.is_empty());
        jsonwebtoken::encode(&header, claims, &self.signing).unwrap()
    }

    /// A token whose header names another key.
    pub fn sign_as(&self, kid: &str, claims: &Value) -> String {
        let mut header = Header::new(self.algorithm);
        header.kid = Some(kid.to_owned());
        jsonwebtoken::encode(&header, claims, &self.signing).unwrap()
    }
}
