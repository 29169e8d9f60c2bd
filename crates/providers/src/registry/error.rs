//! Why a model or a setting cannot be used.

use thiserror::Error;

use super::Registration;
use crate::ProviderError;

/// Why a model cannot be asked.
#[derive(Clone, Debug, Error)]
pub enum ChooseError {
    /// Nobody offers it.
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

/// A setting that cannot be used.
#[derive(Clone, Debug, Error)]
#[error("{setting}: {problem}")]
pub struct SettingsError {
    /// The setting, such as `openai_base_url`.
    pub setting: String,
    /// What is wrong with it, for people.
    pub problem: String,
}

impl SettingsError {
    pub(super) fn provider(settings: &str, error: &ProviderError) -> Self {
        let field = error.param.as_deref().unwrap_or("base_url");
        Self { setting: format!("{settings}_{field}"), problem: error.to_string() }
    }

    pub(super) fn name_is_taken(registration: &Registration) -> Self {
        let problem =
            format!("another provider is called `{}`; choose another name", registration.name);
        Self { setting: format!("{}_base_url", registration.settings), problem }
    }

    pub(super) fn model(setting: &str, error: &ChooseError) -> Self {
        let problem = match &error {
            ChooseError::Unknown { similar, .. } if !similar.is_empty() => {
                format!("{error}; did you mean {}?", similar.join(" or "))
            }
            _ => error.to_string(),
        };
        Self { setting: setting.to_owned(), problem }
    }
}
