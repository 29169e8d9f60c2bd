//! `POST /signup`

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::access_token::NewSession;
use super::error::AuthError;
use super::params::Params;
use super::sessions::Method;
use super::sql_types::Time;
use super::users::User;
use super::{email, password_rules, users};
use crate::context::Context;
use crate::database::caller::Caller;

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct SignupParams {
    email: String,
    phone: String,
    password: SecretString,
    data: Map<String, Value>,
}

/// Registers a user and signs them in; without an e-mail address, an anonymous one.
pub(super) async fn sign_up(
    State(context): State<Arc<Context>>,
    Params(params): Params<SignupParams>,
) -> Result<Response, AuthError> {
    let now = Time::from(context.clock.now());
    if params.email.is_empty() && params.phone.is_empty() {
        if !context.allow_anonymous_users {
            let message = "Anonymous sign-ins are disabled";
            return Err(AuthError::unprocessable("anonymous_provider_disabled", message));
        }
        return sign_up_anonymously(&context, params, now).await;
    }
    let email = validate(&params)?;
    let hash = context.passwords.hash(params.password).await?;
    let session = context
        .database
        .write(Caller::Auth, move |transaction| {
            if users::find_by_email(transaction, &email)?.is_some() {
                let message = "User already registered";
                return Err(AuthError::unprocessable("user_already_exists", message));
            }
            let user = permanent_user(&email, hash, &params.data, now);
            NewSession::sign_in(transaction, user, Method::Password, now)
        })
        .await?;
    with_shared_identity_data(session).into_response(&context)
}

async fn sign_up_anonymously(
    context: &Context,
    params: SignupParams,
    now: Time,
) -> Result<Response, AuthError> {
    let user = User::new(params.data, now);
    let session = context
        .database
        .write(Caller::Auth, move |transaction| {
            NewSession::sign_in(transaction, user, Method::Anonymous, now)
        })
        .await?;
    session.into_response(context)
}

fn validate(params: &SignupParams) -> Result<String, AuthError> {
    if params.password.expose_secret().is_empty() {
        return Err(AuthError::validation("Signup requires a valid password"));
    }
    password_rules::check_strength(&params.password)?;
    if !params.phone.is_empty() {
        if !params.email.is_empty() {
            let message = "Only an email address or phone number should be provided on signup.";
            return Err(AuthError::validation(message));
        }
        return Err(AuthError::no_phone());
    }
    email::validate(&params.email)
}

/// GoTrue adds the metadata to the identity's data, and the identity's data to the metadata.
fn permanent_user(email: &str, hash: String, data: &Map<String, Value>, now: Time) -> User {
    let mut user = User::new(data.clone(), now);
    user.password_hash = Some(hash);
    user.set_email(email, now);
    for identity in user.identities.iter_mut().flatten() {
        let noted = std::mem::replace(&mut identity.identity_data, data.clone());
        identity.identity_data.extend(noted.clone());
        user.user_metadata.extend(noted);
    }
    user.confirm_email(now);
    user
}

/// GoTrue's response to a sign-up is the user in memory, whose identity shares its data with the
/// metadata. The stored identity differs.
fn with_shared_identity_data(mut session: NewSession) -> NewSession {
    let user = &mut session.user;
    for identity in user.identities.iter_mut().flatten() {
        identity.identity_data.clone_from(&user.user_metadata);
    }
    session
}
