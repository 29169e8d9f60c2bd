//! Creating and changing users as an administrator.

use jiff::{SignedDuration, Timestamp};
use rusqlite::Connection;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::error::AuthError;
use super::sql_types::Time;
use super::users::User;
use super::{email, password_rules, sessions, users};
use crate::context::Context;

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct AdminUserParams {
    id: String,
    role: String,
    pub(super) email: String,
    phone: String,
    pub(super) password: SecretString,
    email_confirm: bool,
    user_metadata: Map<String, Value>,
    app_metadata: Map<String, Value>,
    ban_duration: String,
}

/// The parameters, checked and with the password hashed.
pub(super) struct UserChange {
    params: AdminUserParams,
    password_hash: Option<String>,
    ban: Ban,
    now: Time,
}

#[derive(Clone, Copy)]
enum Ban {
    Unchanged,
    Lift,
    Until(Time),
}

impl AdminUserParams {
    /// The id to create the user with, if given.
    pub(super) fn custom_id(&self) -> Result<Option<Uuid>, AuthError> {
        if self.id.is_empty() {
            return Ok(None);
        }
        let id = Uuid::try_parse(&self.id)
            .map_err(|_| AuthError::validation("ID must conform to the uuid v4 format"))?;
        if id.is_nil() {
            return Err(AuthError::validation("ID cannot be a nil uuid"));
        }
        Ok(Some(id))
    }
}

impl UserChange {
    pub(super) async fn prepare(
        context: &Context,
        mut params: AdminUserParams,
    ) -> Result<Self, AuthError> {
        if !params.email.is_empty() {
            params.email = email::validate(&params.email)?;
        }
        if !params.phone.is_empty() {
            return Err(AuthError::no_phone());
        }
        password_rules::check_length(&params.password)?;
        let now = context.clock.now();
        let ban = ban(&params.ban_duration, now)?;
        let password_hash = match params.password.expose_secret() {
            "" => None,
            _ => Some(context.passwords.hash(params.password.clone()).await?),
        };
        Ok(Self { params, password_hash, ban, now: now.into() })
    }

    /// Changes the user and saves them.
    pub(super) fn apply(self, connection: &Connection, mut user: User) -> Result<User, AuthError> {
        let Self { params, password_hash, ban, now } = self;
        if !params.email.is_empty() && params.email != user.email {
            if users::find_by_email(connection, &params.email)?.is_some() {
                return Err(AuthError::email_exists());
            }
            user.set_email(&params.email, now);
        }
        if !params.role.is_empty() {
            user.role = params.role;
        }
        if password_hash.is_some() {
            user.password_hash = password_hash;
            sessions::delete_by_user(connection, user.id, None)?;
        }
        users::merge(&mut user.app_metadata, params.app_metadata);
        users::merge(&mut user.user_metadata, params.user_metadata);
        if params.email_confirm {
            user.confirm_email(now);
        }
        match ban {
            Ban::Unchanged => {}
            Ban::Lift => user.banned_until = None,
            Ban::Until(time) => user.banned_until = Some(time),
        }
        user.updated_at = now;
        users::save(connection, &user)?;
        Ok(user)
    }
}

/// Reads a duration such as `24h` or `1h30m`, or `none`.
fn ban(duration: &str, now: Timestamp) -> Result<Ban, AuthError> {
    let invalid = || {
        let message =
            format!("invalid format for ban duration: time: invalid duration {duration:?}");
        AuthError::validation(message)
    };
    match duration {
        "" => Ok(Ban::Unchanged),
        "none" => Ok(Ban::Lift),
        _ => {
            let length: SignedDuration = duration.parse().map_err(|_| invalid())?;
            Ok(Ban::Until(now.checked_add(length).map_err(|_| invalid())?.into()))
        }
    }
}
