//! The user that a function acts for.

use crate::local_supabase::Role;
use crate::local_supabase::functions::{Arguments, RestError, Session};

/// `private.acting_user`: `p_user_id` counts only for the service role.
pub(super) fn acting_user(session: Session, arguments: &Arguments) -> Option<String> {
    match session.role {
        Role::Service => arguments.text("p_user_id").map(str::to_owned),
        _ => session.uid().map(|uid| uid.to_string()),
    }
}

/// `private.require_caller`
pub(super) fn require_caller(session: Session, user: Option<&str>) -> Result<&str, RestError> {
    let caller = session.uid().map(|uid| uid.to_string());
    let is_own = session.role == Role::Service || user == caller.as_deref();
    user.filter(|_| is_own).ok_or_else(|| RestError::sql("42501", "not the caller's tokens"))
}
