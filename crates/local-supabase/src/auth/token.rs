//! `POST /token`

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{Query, State};
use axum::response::Response;
use rusqlite::Connection;
use secrecy::SecretString;
use serde::Deserialize;

use super::access_token::NewSession;
use super::error::AuthError;
use super::params::Params;
use super::sessions::Method;
use super::sql_types::Time;
use super::users::User;
use super::{refresh_tokens, sessions, users};
use crate::context::Context;
use crate::database::caller::Caller;

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct GrantParams {
    email: String,
    phone: String,
    password: SecretString,
    refresh_token: String,
}

/// Signs in with a password, or exchanges a refresh token.
pub(super) async fn grant(
    State(context): State<Arc<Context>>,
    Query(query): Query<HashMap<String, String>>,
    params: Result<Params<GrantParams>, AuthError>,
) -> Result<Response, AuthError> {
    match query.get("grant_type").map(String::as_str) {
        Some("password") => grant_by_password(&context, params?.0).await,
        Some("refresh_token") => grant_by_refresh_token(&context, params?.0).await,
        _ => Err(AuthError::bad_request("invalid_credentials", "unsupported_grant_type")),
    }
}

async fn grant_by_password(context: &Context, params: GrantParams) -> Result<Response, AuthError> {
    let email = login_email(&params)?;
    let user = context
        .database
        .read(Caller::Auth, move |connection| users::find_by_email(connection, &email))
        .await?;
    let hash = user.as_ref().and_then(|user| user.password_hash.clone());
    let is_correct = context.passwords.verify(params.password, hash).await?;
    let now = Time::from(context.clock.now());
    let user = user.filter(|_| is_correct).ok_or_else(invalid_credentials)?;
    check_may_sign_in(&user, now)?;
    let session = context
        .database
        .write(Caller::Auth, move |transaction| {
            // The password was verified outside of this transaction.
            let unchanged = users::find(transaction, user.id)?
                .filter(|current| current.password_hash == user.password_hash);
            let user = unchanged.ok_or_else(invalid_credentials)?;
            NewSession::sign_in(transaction, user, Method::Password, now)
        })
        .await?;
    NewSession { with_password: true, ..session }.into_response(context)
}

fn login_email(params: &GrantParams) -> Result<String, AuthError> {
    match (params.email.is_empty(), params.phone.is_empty()) {
        (false, true) => Ok(params.email.clone()),
        (true, true) => Err(AuthError::validation("missing email or phone")),
        (true, false) => Err(AuthError::no_phone()),
        (false, false) => {
            let message = "Only an email address or phone number should be provided on login.";
            Err(AuthError::validation(message))
        }
    }
}

fn invalid_credentials() -> AuthError {
    AuthError::bad_request("invalid_credentials", "Invalid login credentials")
}

fn check_may_sign_in(user: &User, now: Time) -> Result<(), AuthError> {
    if user.is_banned(now) {
        return Err(AuthError::bad_request("user_banned", "User is banned"));
    }
    if user.email_confirmed_at.is_none() {
        return Err(AuthError::bad_request("email_not_confirmed", "Email not confirmed"));
    }
    Ok(())
}

async fn grant_by_refresh_token(
    context: &Context,
    params: GrantParams,
) -> Result<Response, AuthError> {
    let now = Time::from(context.clock.now());
    let refreshed = context
        .database
        .write(Caller::Auth, move |transaction| refresh(transaction, &params.refresh_token, now))
        .await?;
    refreshed?.into_response(context)
}

/// The changes are committed for the inner error, and rolled back for the outer one.
fn refresh(
    connection: &Connection,
    token: &str,
    now: Time,
) -> Result<Result<NewSession, AuthError>, AuthError> {
    let stored = refresh_tokens::find(connection, token)?;
    let session = sessions::find(connection, stored.session_id)?.ok_or_else(no_session)?;
    let mut user = users::find(connection, session.user_id)?.ok_or_else(no_session)?;
    if user.is_banned(now) {
        let refusal = AuthError::bad_request("user_banned", "Invalid Refresh Token: User Banned");
        return Err(refusal.with_session(user.id, None));
    }
    let Some(exchange) = refresh_tokens::exchange(connection, token, &stored, now)? else {
        let message = "Invalid Refresh Token: Already Used";
        let refusal = AuthError::bad_request("refresh_token_already_used", message);
        return Ok(Err(refusal.with_session(user.id, Some(session.id))));
    };
    user.updated_at = now;
    users::save(connection, &user)?;
    Ok(Ok(NewSession {
        user,
        session,
        refresh_token: exchange.token,
        refreshed: exchange.is_new,
        with_password: false,
    }))
}

fn no_session() -> AuthError {
    let message = "Invalid Refresh Token: No Valid Session Found";
    AuthError::bad_request("session_not_found", message)
}
