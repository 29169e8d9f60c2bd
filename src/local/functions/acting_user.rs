//! The user that a function acts for.

use crate::local_supabase::Role;
use crate::local_supabase::functions::{Arguments, Session};

/// `private.acting_user`: `p_user_id` counts only for the service role.
pub(super) fn acting_user(session: Session, arguments: &Arguments) -> Option<String> {
    match session.role {
        Role::Service => arguments.text("p_user_id").map(str::to_owned),
        _ => session.uid().map(|uid| uid.to_string()),
    }
}
