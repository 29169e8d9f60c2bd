//! Errors of choosing a model.

use thiserror::Error;

/// Why a model cannot be used.
#[derive(Clone, Debug, Error)]
pub enum ChooseError {
    /// No provider offers it.
    #[error("no provider offers {model}")]
    Unknown {
        /// The requested id.
        model: String,
        /// Models with similar ids.
        similar: Vec<String>,
    },
    /// Its provider is not configured.
    #[error("the provider of {model} is not set up")]
    NotConfigured {
        /// The requested id.
        model: String,
    },
}
