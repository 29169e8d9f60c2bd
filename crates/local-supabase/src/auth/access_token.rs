//! The response to a sign-in or refresh.

use axum::Json;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use rusqlite::Connection;
use serde::Serialize;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::error::{AuthError, session_headers};
use super::sessions::{Method, Session};
use super::sql_types::Time;
use super::users::User;
use super::{refresh_tokens, sessions, users};
use crate::context::Context;

const LIFETIME: i64 = 3600;

/// A session and its refresh token, to be sent to the client.
pub(super) struct NewSession {
    pub(super) user: User,
    pub(super) session: Session,
    pub(super) refresh_token: String,
    /// Whether a refresh token was exchanged for a newly created one.
    pub(super) refreshed: bool,
    /// Whether the response has `weak_password`, as for sign-ins with a password. It is always null.
    pub(super) with_password: bool,
}

#[derive(Serialize)]
struct AccessTokenResponse {
    access_token: String,
    token_type: &'static str,
    expires_in: i64,
    expires_at: i64,
    refresh_token: String,
    user: User,
    #[serde(skip_serializing_if = "Option::is_none")]
    weak_password: Option<Value>,
}

#[derive(Serialize)]
struct AccessTokenClaims<'a> {
    iss: String,
    sub: Uuid,
    aud: &'a str,
    exp: i64,
    iat: i64,
    email: &'a str,
    phone: &'a str,
    app_metadata: &'a Map<String, Value>,
    user_metadata: &'a Map<String, Value>,
    role: &'a str,
    aal: &'a str,
    amr: [AuthenticationMethod<'a>; 1],
    session_id: Uuid,
    is_anonymous: bool,
}

#[derive(Serialize)]
struct AuthenticationMethod<'a> {
    method: &'a str,
    timestamp: i64,
}

impl NewSession {
    /// Begins a session.
    pub(super) fn sign_in(
        connection: &Connection,
        mut user: User,
        method: Method,
        now: Time,
    ) -> Result<Self, AuthError> {
        user.last_sign_in_at = Some(now);
        user.updated_at = now;
        users::save(connection, &user)?;
        let session = sessions::insert(connection, user.id, method, now)?;
        let refresh_token = refresh_tokens::issue(connection, &session, now)?;
        Ok(Self { user, session, refresh_token, refreshed: false, with_password: false })
    }

    /// Signs an access token and builds the response.
    pub(super) fn into_response(self, context: &Context) -> Result<Response, AuthError> {
        let issued_at = context.clock.unix_seconds();
        let claims = self.claims(context.issuer(), issued_at);
        let access_token = context.signing_keys.sign(&claims).map_err(AuthError::internal)?;
        let headers = self.headers();
        let body = AccessTokenResponse {
            access_token,
            token_type: "bearer",
            expires_in: LIFETIME,
            expires_at: issued_at + LIFETIME,
            refresh_token: self.refresh_token,
            user: self.user,
            weak_password: self.with_password.then_some(Value::Null),
        };
        Ok((headers, Json(body)).into_response())
    }

    fn claims(&self, iss: String, issued_at: i64) -> AccessTokenClaims<'_> {
        let Self { user, session, .. } = self;
        AccessTokenClaims {
            iss,
            sub: user.id,
            aud: "authenticated",
            exp: issued_at + LIFETIME,
            iat: issued_at,
            email: &user.email,
            phone: "",
            app_metadata: &user.app_metadata,
            user_metadata: &user.user_metadata,
            role: &user.role,
            aal: "aal1",
            amr: [AuthenticationMethod {
                method: session.method.as_str(),
                timestamp: session.created_at.as_second(),
            }],
            session_id: session.id,
            is_anonymous: user.is_anonymous,
        }
    }

    fn headers(&self) -> HeaderMap {
        let mut headers = session_headers(Some(self.user.id), Some(self.session.id));
        let prefix = self.refresh_token.get(..5).unwrap_or_default();
        if let Ok(prefix) = HeaderValue::from_str(prefix) {
            headers.insert("sb-auth-refresh-token-prefix", prefix);
        }
        if self.refreshed {
            headers.insert("sb-auth-refresh-token-reuse", HeaderValue::from_static("false"));
        }
        headers
    }
}
