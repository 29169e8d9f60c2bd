//! `GET` and `PUT /user`: the account of the signed-in user.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use rusqlite::Connection;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::error::AuthError;
use super::extract::{SignedIn, user_not_found};
use super::params::Params;
use super::sql_types::Time;
use super::users::User;
use super::{email, password_rules, sessions, users};
use crate::context::Context;
use crate::role::Role;

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct UserUpdateParams {
    email: String,
    phone: String,
    password: Option<SecretString>,
    data: Map<String, Value>,
    app_metadata: Option<Value>,
}

/// The changes to apply once the parameters have been validated.
struct Changes {
    email: Option<String>,
    password_hash: Option<String>,
    data: Map<String, Value>,
}

/// The signed-in user.
pub(super) async fn show(caller: SignedIn) -> Json<User> {
    Json(caller.user)
}

/// Changes metadata, password or e-mail address. The address counts as confirmed at once; real
/// Supabase would send a mail first, except to anonymous users, who become permanent by this.
pub(super) async fn update(
    State(context): State<Arc<Context>>,
    caller: SignedIn,
    Params(params): Params<UserUpdateParams>,
) -> Result<Json<User>, AuthError> {
    let SignedIn { user, session_id } = caller;
    let caller = Role::Authenticated { user_id: user.id };
    let email = validate(&params, &user)?;
    let password_hash = new_password_hash(&context, &user, params.password).await?;
    let changes = Changes { email, password_hash, data: params.data };
    let now = Time::from(context.clock.now());
    let user = context
        .database
        .write(caller, move |transaction| apply(transaction, user.id, session_id, changes, now))
        .await?;
    Ok(Json(user))
}

/// Returns the new e-mail address, if there is one.
fn validate(params: &UserUpdateParams, user: &User) -> Result<Option<String>, AuthError> {
    let email = match params.email.as_str() {
        "" => None,
        address => Some(email::validate(address)?),
    };
    if !params.phone.is_empty() {
        return Err(AuthError::no_phone());
    }
    if let Some(password) = &params.password {
        password_rules::check_strength(password)?;
    }
    if params.app_metadata.is_some() {
        let message = "Updating app_metadata requires admin privileges";
        return Err(AuthError::forbidden("not_admin", message));
    }
    if user.is_anonymous && params.password.is_some() && email.is_none() {
        let message =
            "Updating password of an anonymous user without an email or phone is not allowed";
        return Err(AuthError::unprocessable("validation_failed", message));
    }
    Ok(email.filter(|email| *email != user.email))
}

async fn new_password_hash(
    context: &Context,
    user: &User,
    password: Option<SecretString>,
) -> Result<Option<String>, AuthError> {
    let Some(password) = password else { return Ok(None) };
    let has_password = user.password_hash.is_some();
    if has_password
        && context.passwords.verify(password.clone(), user.password_hash.clone()).await?
    {
        let message = "New password should be different from the old password.";
        return Err(AuthError::unprocessable("same_password", message));
    }
    Ok(Some(context.passwords.hash(password).await?))
}

fn apply(
    connection: &Connection,
    user_id: Uuid,
    session_id: Option<Uuid>,
    changes: Changes,
    now: Time,
) -> Result<User, AuthError> {
    let mut user = users::find(connection, user_id)?.ok_or_else(user_not_found)?;
    if let Some(email) = changes.email {
        if users::find_by_email(connection, &email)?.is_some() {
            return Err(AuthError::email_exists());
        }
        user.set_email(&email, now);
        user.confirm_email(now);
    }
    if changes.password_hash.is_some() {
        user.password_hash = changes.password_hash;
        sessions::delete_by_user(connection, user.id, session_id)?;
    }
    users::merge(&mut user.user_metadata, changes.data);
    user.updated_at = now;
    users::save(connection, &user)?;
    Ok(user)
}
