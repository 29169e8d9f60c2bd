//! Whose tools are asked for.

use crate::agent::Credentials;
use crate::agent::tools::source::Who;
use crate::http::auth::CurrentUser;

/// The user, as sources know them.
pub(super) fn who(user: &CurrentUser) -> Who {
    let credentials = Credentials::new(user.id, user.token.clone(), user.expires_at);
    Who { credentials, role: user.role.clone() }
}
