//! `POST /logout`

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::StatusCode;

use super::error::AuthError;
use super::extract::SignedIn;
use super::sessions;
use crate::context::Context;
use crate::role::Role;

/// Ends this session, the user's other sessions, or all of them.
pub(super) async fn log_out(
    State(context): State<Arc<Context>>,
    SignedIn { user, session_id }: SignedIn,
    Query(query): Query<HashMap<String, String>>,
) -> Result<StatusCode, AuthError> {
    let scope = query.get("scope").map_or("", String::as_str);
    if !matches!(scope, "" | "global" | "local" | "others") {
        return Err(AuthError::validation(format!("Unsupported logout scope {scope:?}")));
    }
    let scope = scope.to_owned();
    context
        .database
        .write(Role::Authenticated { user_id: user.id }, move |transaction| {
            match (scope.as_str(), session_id) {
                ("local", Some(session_id)) => sessions::delete(transaction, session_id),
                ("others", except) => sessions::delete_by_user(transaction, user.id, except),
                _ => sessions::delete_by_user(transaction, user.id, None),
            }
        })
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
