//! Why a model cannot be asked.

use thiserror::Error;

/// Why a model cannot be asked.
#[derive(Clone, Debug, Error)]
pub enum ChooseError {
    /// No provider offers it.
    #[error("no provider offers {model}")]
    Unknown {
        /// What was asked for.
        model: String,
        /// Models with a similar name.
        similar: Vec<String>,
    },
    /// Its provider is not configured.
    #[error("the provider of {model} is not set up")]
    NotConfigured {
        /// What was asked for.
        model: String,
    },
}
