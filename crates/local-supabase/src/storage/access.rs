//! The policies of Storage, which are the same in every project.
//!
//! Users can access objects whose names begin with their own id, in every bucket. Public buckets can be
//! read by their public URL without a token. The service key can access everything.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use uuid::Uuid;

use super::error::StorageError;
use crate::context::Context;
use crate::credential::Credential;
use crate::role::Role;
use crate::token::Claims;

/// The role of a request, or why its token is invalid. A user whom the project refuses is nobody.
pub(super) async fn role(context: &Context, headers: &HeaderMap) -> Result<Role, StorageError> {
    let role = token_role(context, headers)?;
    let (Some(check), Role::Authenticated { user_id }) = (context.project.check_user, role) else {
        return Ok(role);
    };
    let check = move |connection: &rusqlite::Connection| Ok(check(connection, user_id).is_ok());
    let is_known = context.database.read::<_, StorageError, _>(role, check).await?;
    Ok(if is_known { role } else { Role::Anon })
}

fn token_role(context: &Context, headers: &HeaderMap) -> Result<Role, StorageError> {
    let credential = Credential::from_headers(headers, &context.service_key);
    let token = match credential {
        Credential::Missing if !headers.contains_key(AUTHORIZATION) => {
            return Err(StorageError::missing("headers", "authorization"));
        }
        Credential::Missing | Credential::PublishableKey => return Ok(Role::Anon),
        Credential::ServiceKey => return Ok(Role::Service),
        Credential::Token(token) => token,
    };
    let refused = StorageError::invalid_access_token;
    let claims = Claims::verify(token, &context.signing_keys).map_err(refused)?;
    claims.check_time(context.clock.now(), 0).map_err(refused)?;
    let user_id = claims.sub.as_deref().and_then(|sub| Uuid::try_parse(sub).ok());
    Ok(match (claims.role.as_deref(), user_id) {
        (Some("authenticated"), Some(user_id)) => Role::Authenticated { user_id },
        _ => Role::Anon,
    })
}

/// Whether the policies let this role access the object of that name.
pub(super) fn may_reach(role: Role, name: &str) -> bool {
    match reachable(role) {
        Some(prefix) => name.starts_with(&prefix),
        None => true,
    }
}

/// The prefix of the names that this role can access; `None` for all names.
pub(super) fn reachable(role: Role) -> Option<String> {
    match role {
        Role::Service => None,
        Role::Authenticated { user_id } => Some(format!("{user_id}/")),
        // No name contains a NUL.
        Role::Anon => Some("\0".to_owned()),
    }
}
