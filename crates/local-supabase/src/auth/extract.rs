//! Extractors for the caller: a signed-in user or an administrator.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use uuid::Uuid;

use super::error::AuthError;
use super::users::User;
use super::{sessions, users};
use crate::context::Context;
use crate::credential::Credential;
use crate::role::Role;
use crate::token::{Claims, TokenError};

/// A user and their session, which was not signed out.
pub(super) struct SignedIn {
    pub(super) user: User,
    pub(super) session_id: Option<Uuid>,
}

impl FromRequestParts<Arc<Context>> for SignedIn {
    type Rejection = AuthError;

    async fn from_request_parts(
        parts: &mut Parts,
        context: &Arc<Context>,
    ) -> Result<Self, AuthError> {
        let claims = match authenticate(parts, context)? {
            RequestAuth::Token(claims) => claims,
            RequestAuth::ServiceKey | RequestAuth::PublishableKey => return Err(no_subject()),
        };
        let user_id = user_id(&claims)?;
        let session_id = session_id(&claims)?;
        let found = context
            .database
            .read(Role::Authenticated { user_id }, move |connection| -> rusqlite::Result<_> {
                let session = session_id.map(|id| sessions::find(connection, id)).transpose()?;
                Ok((users::find(connection, user_id)?, session.flatten()))
            })
            .await?;
        let (Some(user), session) = found else { return Err(user_not_found()) };
        if session_id.is_some() && session.is_none() {
            let message = "Session from session_id claim in JWT does not exist";
            return Err(AuthError::forbidden("session_not_found", message));
        }
        Ok(Self { user, session_id })
    }
}

/// The holder of the service key, or of a token with its role.
pub(super) struct Administrator;

impl FromRequestParts<Arc<Context>> for Administrator {
    type Rejection = AuthError;

    async fn from_request_parts(
        parts: &mut Parts,
        context: &Arc<Context>,
    ) -> Result<Self, AuthError> {
        match authenticate(parts, context)? {
            RequestAuth::ServiceKey => Ok(Self),
            RequestAuth::Token(claims) if claims.role.as_deref() == Some("service_role") => {
                Ok(Self)
            }
            _ => Err(AuthError::forbidden("not_admin", "User not allowed")),
        }
    }
}

enum RequestAuth {
    PublishableKey,
    ServiceKey,
    Token(Claims),
}

fn authenticate(parts: &Parts, context: &Context) -> Result<RequestAuth, AuthError> {
    match Credential::from_headers(&parts.headers, &context.service_key) {
        Credential::Missing | Credential::Token("") => {
            let message = "This endpoint requires a valid Bearer token";
            Err(AuthError::new(StatusCode::UNAUTHORIZED, "no_authorization", message))
        }
        Credential::PublishableKey => Ok(RequestAuth::PublishableKey),
        Credential::ServiceKey => Ok(RequestAuth::ServiceKey),
        Credential::Token(token) => {
            let claims = Claims::verify(token, &context.signing_keys).map_err(bad_jwt)?;
            claims.check_time(context.clock.now(), 0).map_err(bad_jwt)?;
            Ok(RequestAuth::Token(claims))
        }
    }
}

fn user_id(claims: &Claims) -> Result<Uuid, AuthError> {
    let sub = claims.sub.as_deref().ok_or_else(no_subject)?;
    Uuid::try_parse(sub)
        .map_err(|_| AuthError::bad_request("bad_jwt", "invalid claim: sub claim must be a UUID"))
}

fn session_id(claims: &Claims) -> Result<Option<Uuid>, AuthError> {
    claims.session_id.as_deref().map(Uuid::try_parse).transpose().map_err(|_| {
        AuthError::forbidden("bad_jwt", "invalid claim: session_id claim must be a UUID")
    })
}

fn no_subject() -> AuthError {
    AuthError::forbidden("bad_jwt", "invalid claim: missing sub claim")
}

pub(super) fn user_not_found() -> AuthError {
    AuthError::forbidden("user_not_found", "User from sub claim in JWT does not exist")
}

/// The messages of the JWT library that GoTrue uses.
fn bad_jwt(error: TokenError) -> AuthError {
    let reason = match error {
        TokenError::Parts(_) => "token is malformed: token contains an invalid number of segments",
        TokenError::Header => "token is malformed: could not JSON decode header",
        TokenError::UnknownKey => {
            "token is unverifiable: error while executing keyfunc: unrecognized JWT kid"
        }
        TokenError::Signature => "token signature is invalid: signature is invalid",
        TokenError::Claims => "token is malformed: could not JSON decode claim",
        TokenError::Expired => "token has invalid claims: token is expired",
        TokenError::NotYetValid => "token has invalid claims: token is not valid yet",
    };
    let message = format!("invalid JWT: unable to parse or verify signature, {reason}");
    AuthError::forbidden("bad_jwt", message)
}
