//! Validation of e-mail addresses.

use super::error::AuthError;

const MAX_LENGTH: usize = 255;

/// Validates an address and converts it to lower case.
pub(super) fn validate(email: &str) -> Result<String, AuthError> {
    if email.len() > MAX_LENGTH {
        return Err(AuthError::validation("An email address is too long"));
    }
    let is_valid = email
        .split_once('@')
        .is_some_and(|(local, domain)| is_local_part(local) && domain.split('.').all(is_label));
    if !is_valid {
        let message = "Unable to validate email address: invalid format";
        return Err(AuthError::validation(message));
    }
    Ok(email.to_ascii_lowercase())
}

fn is_local_part(local: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || ".!#$%&'*+/=?^_`{|}~-".contains(c);
    !local.is_empty() && local.chars().all(allowed)
}

fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_checked_and_put_into_lower_case() {
        assert_eq!(validate("Al.B+x@Example.COM").unwrap(), "al.b+x@example.com");
        assert_eq!(validate("root@localhost").unwrap(), "root@localhost");
        let long = format!("{}@example.com", "a".repeat(255));
        for email in ["", "a", "@b", "a@", "a@b@c", "a b@c", "a@-b", "a@b..c", "é@b", &long] {
            assert!(validate(email).is_err(), "{email}");
        }
    }
}
