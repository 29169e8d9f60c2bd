//! Signed URLs: a JSON Web Token that allows one operation on one object.

use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::access::may_reach;
use super::body::Params;
use super::buckets::Bucket;
use super::error::{StorageError, json_response};
use super::objects::{Object, check_name};
use super::route::ObjectPath;
use super::upsert::wants_upsert;
use crate::context::Context;
use crate::role::Role;
use crate::token::TokenError;

/// How long a signed URL for an upload is valid, in seconds.
const UPLOAD_LIFETIME: i64 = 7200;

/// What a signed URL allows.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Scope {
    Download,
    Upload,
}

/// The claims of a signed URL.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct SignedUrlClaims {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) owner: Option<String>,
    url: String,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) upsert: bool,
    scope: Scope,
    iat: i64,
    pub(super) exp: i64,
}

/// `POST /object/sign/{bucket}/{name}`
pub(super) async fn sign(
    context: &Context,
    role: Role,
    path: ObjectPath,
    params: &Params,
) -> Result<Response, StorageError> {
    let lifetime = lifetime(params)?;
    let requested = path.clone();
    let found = context.database.read(role, move |connection| Object::find(connection, &requested));
    found
        .await?
        .filter(|object| may_reach(role, &object.name))
        .ok_or_else(StorageError::no_such_key)?;
    let url = signed_url(context, &path, lifetime)?;
    Ok(json_response(StatusCode::OK, &json!({ "signedURL": url })))
}

/// `POST /object/sign/{bucket}`
pub(super) async fn sign_many(
    context: &Context,
    role: Role,
    bucket: String,
    params: &Params,
) -> Result<Response, StorageError> {
    let lifetime = lifetime(params)?;
    let paths: Vec<_> = params
        .texts("paths")?
        .into_iter()
        .map(|name| ObjectPath { bucket: bucket.clone(), name })
        .collect();
    let requested = paths.clone();
    let found = context.database.read(role, move |connection| {
        let exists = |path| Object::find(connection, path).map(|object| object.is_some());
        requested.iter().map(exists).collect::<rusqlite::Result<Vec<_>>>()
    });
    let signed: Result<Vec<Value>, StorageError> = paths
        .iter()
        .zip(found.await?)
        .map(|(path, exists)| {
            if !exists || !may_reach(role, &path.name) {
                let error = "Either the object does not exist or you do not have access to it";
                return Ok(json!({ "error": error, "path": path.name, "signedURL": null }));
            }
            let url = signed_url(context, path, lifetime)?;
            Ok(json!({ "error": null, "path": path.name, "signedURL": url }))
        })
        .collect();
    Ok(json_response(StatusCode::OK, &signed?))
}

/// `POST /object/upload/sign/{bucket}/{name}`
pub(super) async fn sign_upload(
    context: &Context,
    role: Role,
    path: ObjectPath,
    headers: &HeaderMap,
) -> Result<Response, StorageError> {
    check_name(&path.name)?;
    let upsert = wants_upsert(headers);
    let requested = path.clone();
    let checked = context.database.read(role, move |connection| {
        Bucket::find(connection, &requested.bucket)?;
        if !may_reach(role, &requested.name) {
            return Err(StorageError::row_security());
        }
        match Object::find(connection, &requested)? {
            Some(_) if !upsert => Err(StorageError::key_exists()),
            _ => Ok(()),
        }
    });
    checked.await?;
    let now = context.clock.unix_seconds();
    let claims = SignedUrlClaims {
        owner: role.uid().map(|uid| uid.to_string()),
        url: path.key(),
        upsert,
        scope: Scope::Upload,
        iat: now,
        exp: now + UPLOAD_LIFETIME,
    };
    let token = token(context, &claims)?;
    let url = format!("/object/upload/sign/{}?token={token}", path.key());
    Ok(json_response(StatusCode::OK, &json!({ "url": url, "token": token })))
}

/// The claims of a signed URL, if it allows this and has not expired.
pub(super) fn verify(
    context: &Context,
    uri: &Uri,
    scope: Scope,
    path: &ObjectPath,
) -> Result<SignedUrlClaims, StorageError> {
    let query = uri.query().unwrap_or_default().as_bytes();
    let mut pairs = form_urlencoded::parse(query);
    let token = pairs.find(|(name, _)| name == "token").map(|(_, token)| token);
    let token = token.ok_or_else(|| StorageError::missing("querystring", "token"))?;
    let claims = read(context, &token).map_err(StorageError::invalid_jwt)?;
    if claims.exp <= context.clock.unix_seconds() {
        return Err(StorageError::invalid_jwt(TokenError::Expired));
    }
    if claims.url != path.key() || claims.scope != scope {
        return Err(StorageError::invalid_signature());
    }
    Ok(claims)
}

fn lifetime(params: &Params) -> Result<i64, StorageError> {
    let seconds = params.number("expiresIn", 1)?;
    let seconds = seconds.ok_or_else(|| StorageError::missing("body", "expiresIn"))?;
    // At most a thousand years, so that `exp` cannot overflow.
    Ok(i64::try_from(seconds).unwrap_or(i64::MAX).min(1000 * 366 * 86_400))
}

/// Names are not percent-encoded: supabase-js does that.
fn signed_url(context: &Context, path: &ObjectPath, lifetime: i64) -> Result<String, StorageError> {
    let now = context.clock.unix_seconds();
    let scope = Scope::Download;
    let exp = now + lifetime;
    let claims =
        SignedUrlClaims { owner: None, url: path.key(), upsert: false, scope, iat: now, exp };
    Ok(format!("/object/sign/{}?token={}", path.key(), token(context, &claims)?))
}

fn token(context: &Context, claims: &SignedUrlClaims) -> Result<String, StorageError> {
    let mut header = Header::new(Algorithm::HS256);
    header.typ = None;
    let key = EncodingKey::from_secret(context.url_secret.expose_secret().as_bytes());
    jsonwebtoken::encode(&header, claims, &key).map_err(|error| StorageError::internal(&error))
}

fn read(context: &Context, token: &str) -> Result<SignedUrlClaims, TokenError> {
    if token.split('.').count() != 3 {
        return Err(TokenError::Header);
    }
    let mut validation = Validation::new(Algorithm::HS256);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_aud = false;
    let key = DecodingKey::from_secret(context.url_secret.expose_secret().as_bytes());
    match jsonwebtoken::decode(token, &key, &validation) {
        Ok(data) => Ok(data.claims),
        Err(error) => Err(match error.kind() {
            ErrorKind::Json(_) => TokenError::Claims,
            ErrorKind::InvalidSignature | ErrorKind::InvalidAlgorithm => TokenError::Signature,
            _ => TokenError::Header,
        }),
    }
}
