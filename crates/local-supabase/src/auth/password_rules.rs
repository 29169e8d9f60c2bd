//! Which passwords are accepted.

use secrecy::{ExposeSecret, SecretString};

use super::error::AuthError;

const MIN_LENGTH: usize = 6;
const MAX_LENGTH: usize = 72;

/// Refuses passwords that are too long. GoTrue counts bytes.
pub(super) fn check_length(password: &SecretString) -> Result<(), AuthError> {
    if password.expose_secret().len() > MAX_LENGTH {
        let message = format!("Password cannot be longer than {MAX_LENGTH} characters");
        return Err(AuthError::validation(message));
    }
    Ok(())
}

/// Refuses passwords that users may not choose.
pub(super) fn check_strength(password: &SecretString) -> Result<(), AuthError> {
    check_length(password)?;
    if password.expose_secret().len() < MIN_LENGTH {
        let message = format!("Password should be at least {MIN_LENGTH} characters.");
        return Err(AuthError::weak_password(message));
    }
    Ok(())
}
