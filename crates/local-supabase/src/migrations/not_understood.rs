//! What the reader cannot carry over.

use std::fmt;

/// Why something is not understood: the rest of the sentence "…: it …".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotUnderstood(pub String);

/// A result of the reader.
pub type Result<T> = std::result::Result<T, NotUnderstood>;

impl fmt::Display for NotUnderstood {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An error.
pub fn not_understood<T>(reason: impl Into<String>) -> Result<T> {
    Err(NotUnderstood(reason.into()))
}

impl From<sqlparser::parser::ParserError> for NotUnderstood {
    fn from(error: sqlparser::parser::ParserError) -> Self {
        use sqlparser::parser::ParserError::{ParserError, RecursionLimitExceeded, TokenizerError};
        Self(match error {
            ParserError(message) | TokenizerError(message) => message,
            RecursionLimitExceeded => "nested too deeply".to_owned(),
        })
    }
}
