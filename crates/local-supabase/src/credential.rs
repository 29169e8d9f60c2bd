//! The credentials of a request, and the database role that they stand for.

use std::borrow::Cow;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use axum::Json;
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use uuid::Uuid;

use super::keys::{PUBLISHABLE_KEY, SigningKeys};
use super::rest;
use super::role::Role;
use super::token::{Claims, TokenError};

/// PostgREST's allowance for clocks that differ, in seconds.
const LEEWAY: i64 = 30;

/// PostgreSQL's code for a role that it does not know.
const UNKNOWN_ROLE: &str = "22023";

/// The credential of a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Credential<'a> {
    /// Neither an API key nor a token.
    Missing,
    /// Only the publishable key: the caller is not signed in.
    PublishableKey,
    /// The service key.
    ServiceKey,
    /// Anything else, which should be an access token.
    Token(&'a str),
}

impl<'a> Credential<'a> {
    /// Reads `Authorization: Bearer` and `apikey`. A user's token in the first decides; supabase-js
    /// without a session sends the API key in both.
    pub(super) fn from_headers(headers: &'a HeaderMap, service_key: &SecretString) -> Self {
        let apikey = headers.get("apikey").and_then(|value| value.to_str().ok());
        let bearer = bearer(headers).filter(|&token| token != PUBLISHABLE_KEY || apikey.is_none());
        match bearer.or(apikey) {
            None => Self::Missing,
            Some(PUBLISHABLE_KEY) => Self::PublishableKey,
            Some(key) if is_equal(key, service_key.expose_secret()) => Self::ServiceKey,
            Some(token) => Self::Token(token),
        }
    }

    /// The role that the request has in the database, and the claims that policies can read.
    pub(super) fn caller(
        &self,
        keys: &SigningKeys,
        now: Timestamp,
    ) -> Result<(Role, rest::settings::Claims), CredentialError> {
        match self {
            Self::Missing | Self::PublishableKey => Ok((Role::Anon, Role::Anon.into())),
            Self::ServiceKey => Ok((Role::Service, Role::Service.into())),
            Self::Token("") => {
                Err(CredentialError::token("Empty JWT is sent in Authorization header"))
            }
            Self::Token(token) => {
                let claims = Claims::verify(token, keys)?;
                claims.check_time(now, LEEWAY)?;
                let role = role(&claims)?;
                Ok((role, rest::settings::Claims::new(claims.into_map())))
            }
        }
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn is_equal(a: &str, b: &str) -> bool {
    verify_slices_are_equal(a.as_bytes(), b.as_bytes()).is_ok()
}

fn role(claims: &Claims) -> Result<Role, CredentialError> {
    match claims.role.as_deref() {
        None | Some("anon") => Ok(Role::Anon),
        Some("service_role") => Ok(Role::Service),
        Some("authenticated") => {
            let user_id = claims.sub.as_deref().and_then(|sub| Uuid::try_parse(sub).ok());
            Ok(Role::Authenticated { user_id: user_id.ok_or(TokenError::Claims)? })
        }
        Some(other) => Err(CredentialError::unknown_role(other)),
    }
}

/// An invalid credential, reported as PostgREST does.
#[derive(Debug)]
pub(super) struct CredentialError {
    code: &'static str,
    message: Cow<'static, str>,
    details: Option<&'static str>,
}

impl CredentialError {
    fn token(message: impl Into<Cow<'static, str>>) -> Self {
        Self { code: "PGRST301", message: message.into(), details: None }
    }

    fn claims(message: &'static str) -> Self {
        Self { code: "PGRST303", message: message.into(), details: None }
    }

    fn unknown_role(role: &str) -> Self {
        let message = format!("role \"{role}\" does not exist").into();
        Self { code: UNKNOWN_ROLE, message, details: None }
    }

    fn challenge(&self) -> String {
        match self.code {
            UNKNOWN_ROLE => "Bearer".to_owned(),
            _ => {
                format!("Bearer error=\"invalid_token\", error_description=\"{}\"", self.message)
            }
        }
    }
}

impl From<TokenError> for CredentialError {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Parts(parts) => {
                Self::token(format!("Expected 3 parts in JWT; got {parts}"))
            }
            TokenError::Header => Self::token("JWT cryptographic operation failed"),
            TokenError::UnknownKey | TokenError::Signature => Self {
                details: Some("None of the keys was able to decode the JWT"),
                ..Self::token("No suitable key or wrong key type")
            },
            TokenError::Claims => Self::claims("Parsing claims failed"),
            TokenError::Expired => Self::claims("JWT expired"),
            TokenError::NotYetValid => Self::claims("JWT not yet valid"),
        }
    }
}

impl IntoResponse for CredentialError {
    fn into_response(self) -> Response {
        let headers = [
            (header::CONTENT_TYPE, "application/json; charset=utf-8".to_owned()),
            (header::WWW_AUTHENTICATE, self.challenge()),
            (HeaderName::from_static("proxy-status"), format!("PostgREST; error={}", self.code)),
        ];
        let body = json!({
            "code": self.code,
            "details": self.details,
            "hint": null,
            "message": self.message,
        });
        (StatusCode::UNAUTHORIZED, headers, Json(body)).into_response()
    }
}
