//! A project that publishes signing keys and hands out tokens: `GET /tokens/{algorithm}/{count}`.

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RsaKeyPair};
use axum::extract::{Path, State};
use axum::routing::get;
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use uuid::Uuid;

/// The secret of projects that sign with HS256, as `benches/measure/tokens.py` has it.
const SECRET: &[u8] = b"a-secret-for-benchmarks-of-32-bytes-or-more";

struct Project {
    issuer: String,
    published: Value,
    keys: BTreeMap<&'static str, (Algorithm, EncodingKey)>,
}

pub async fn run() {
    let listener = crate::listen().await;
    let address = listener.local_addr().expect("an address");
    let (es256, es256_published) = es256();
    let (rs256, rs256_published) = rs256();
    let project = Project {
        issuer: format!("http://{address}/auth/v1"),
        published: json!({ "keys": [es256_published, rs256_published] }),
        keys: BTreeMap::from([
            ("HS256", (Algorithm::HS256, EncodingKey::from_secret(SECRET))),
            ("ES256", (Algorithm::ES256, es256)),
            ("RS256", (Algorithm::RS256, rs256)),
        ]),
    };
    let router = Router::new()
        .route("/auth/v1/.well-known/jwks.json", get(published))
        .route("/tokens/{algorithm}/{count}", get(tokens))
        .with_state(Arc::new(project));
    axum::serve(listener, router).await.expect("served");
}

async fn published(State(project): State<Arc<Project>>) -> Json<Value> {
    Json(project.published.clone())
}

async fn tokens(
    State(project): State<Arc<Project>>,
    Path((algorithm, count)): Path<(String, usize)>,
) -> Json<Vec<String>> {
    Json((0..count).map(|_| project.token(&algorithm)).collect())
}

impl Project {
    fn token(&self, algorithm: &str) -> String {
        let claims = json!({
            "sub": Uuid::new_v4(), "aud": "authenticated", "role": "authenticated",
            "iss": self.issuer, "exp": 4_000_000_000_u64, "session_id": Uuid::new_v4(),
            "email": "somebody@example.com", "user_metadata": { "name": "Somebody" },
        });
        let (algorithm, key) = &self.keys[algorithm];
        let mut header = Header::new(*algorithm);
        header.kid = (*algorithm != Algorithm::HS256).then(|| format!("{algorithm:?}"));
        jsonwebtoken::encode(&header, &claims, key).expect("a token")
    }
}

fn es256() -> (EncodingKey, Value) {
    let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &SystemRandom::new()).expect("a key");
    let pair = EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref()).expect("the same key");
    let point = pair.public_key().as_ref();
    let published = json!({ "kid": "ES256", "kty": "EC", "alg": "ES256", "crv": "P-256", "use": "sig",
        "x": text(&point[1..33]), "y": text(&point[33..65]) });
    (EncodingKey::from_ec_der(pkcs8.as_ref()), published)
}

fn rs256() -> (EncodingKey, Value) {
    let pair = RsaKeyPair::generate(aws_lc_rs::rsa::KeySize::Rsa2048).expect("a key");
    let public = pair.public_key();
    let published = json!({ "kid": "RS256", "kty": "RSA", "alg": "RS256", "use": "sig",
        "n": text(public.modulus().big_endian_without_leading_zero()),
        "e": text(public.exponent().big_endian_without_leading_zero()) });
    // PKCS #1, which stands inside PKCS #8 behind a header of fixed length.
    let pkcs8 = pair.as_der().expect("PKCS #8");
    (EncodingKey::from_rsa_der(&pkcs8.as_ref()[26..]), published)
}

fn text(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
