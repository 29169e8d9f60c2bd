//! Why an answer was refused or ended early.

use serde::Deserialize;
use serde_json::{Map, Value, json};
use thiserror::Error;
use uuid::Uuid;

use crate::agent::PlanRefusal;
use crate::agent::usage::reservation::OverLimit;
use crate::providers::{ChooseError, ErrorKind, ProviderError, ProviderName};
use crate::supabase::SupabaseError;

/// Why the chat could not be claimed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The user has no such chat.
    NoSuchChat,
    /// There is no such message in the chat.
    NoSuchMessage,
    /// Another answer is being written in this chat.
    Busy {
        /// That answer.
        message_id: Uuid,
    },
    /// It waits for the answer that is being written.
    Queued,
    /// As many messages wait already as may.
    QueueFull,
    /// The message's id is in use for something else.
    IdConflict,
    /// Every message is answered.
    NothingToAnswer,
    /// The day's tokens or a budget are used up.
    OverLimit(OverLimit),
}

/// Why an answer ended before the model had finished it.
#[derive(Clone, Debug, Error)]
pub enum Failure {
    /// The database could not be used.
    #[error(transparent)]
    Supabase(#[from] SupabaseError),
    /// The database refused the answer itself.
    #[error("the answer could not be stored: {0}")]
    Unsaved(SupabaseError),
    /// The database does not take the answer for now; it is tried again.
    #[error("the end of the answer is not saved yet")]
    NotSavedYet,
    /// The provider failed.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// The model cannot be asked.
    #[error(transparent)]
    Model(#[from] ChooseError),
    /// The next call exceeds the day's tokens or a budget.
    #[error("{}", limit_reached(.0))]
    OverLimit(OverLimit),
    /// The model is not called on the user's plan.
    #[error(transparent)]
    Plan(#[from] PlanRefusal),
    /// It took longer than `GENERATION_TIMEOUT_S`.
    #[error("the generation took longer than it may")]
    TooLong,
    /// The server is being stopped.
    #[error("the server is being stopped")]
    ShuttingDown,
    /// The access token expired and the user made no request with a newer one.
    #[error("the access token is about to expire")]
    TokenExpired,
    /// The message was deleted, or the lease lost to another attempt.
    #[error("the message is no longer this generation's to write")]
    Lost,
    /// The database could not be reached for so long that another attempt may have begun.
    #[error("the answer could not be kept: the database was out of reach for too long")]
    Unrenewed,
    /// Another replica wrote it, and it was cut off there.
    #[error("the answer was cut off on another replica")]
    Broken,
    /// The generation panicked.
    #[error("the generation crashed")]
    Crashed,
}

fn limit_reached(over_limit: &OverLimit) -> String {
    match &over_limit.budget {
        Some(over) => format!("the budget of {} is reached", over.budget.limit_usd),
        None => format!("the daily limit of {} tokens is reached", over_limit.limit),
    }
}

impl Failure {
    /// The value of `usage_logs.error_code`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Supabase(_) | Self::Unsaved(_) | Self::NotSavedYet | Self::Unrenewed => {
                "database_error"
            }
            Self::Provider(_) => "provider_error",
            Self::Model(ChooseError::Unknown { .. }) => "model_not_found",
            Self::Model(ChooseError::NotConfigured { .. }) => "provider_not_configured",
            Self::OverLimit(over_limit) => match over_limit.budget {
                Some(_) => "budget_exceeded",
                None => "daily_limit_exceeded",
            },
            Self::Plan(_) => "plan_limit",
            Self::TooLong => "generation_timeout",
            Self::ShuttingDown => "server_shutdown",
            Self::TokenExpired => "token_expired",
            Self::Lost => "message_gone",
            Self::Broken => "interrupted",
            Self::Crashed => "internal_error",
        }
    }

    /// What is stored of it with the answer.
    pub(in crate::agent) fn to_metadata(&self) -> Value {
        match self {
            Self::Provider(error) => {
                json!({ "code": self.code(), "kind": error.kind, "provider": error.provider })
            }
            _ => json!({ "code": self.code() }),
        }
    }

    /// The failure of an answer that was written elsewhere, by the metadata that is stored with it.
    pub fn from_metadata(metadata: &Map<String, Value>) -> Self {
        #[derive(Deserialize)]
        struct Stored {
            code: String,
            kind: Option<ErrorKind>,
            provider: Option<ProviderName>,
        }
        let stored = metadata.get("error").and_then(|error| Stored::deserialize(error).ok());
        let Some(stored) = stored else { return Self::Broken };
        match (stored.code.as_str(), stored.kind, stored.provider) {
            ("provider_error", Some(kind), Some(provider)) => {
                Self::Provider(ProviderError::elsewhere(provider, kind))
            }
            ("generation_timeout", ..) => Self::TooLong,
            ("server_shutdown", ..) => Self::ShuttingDown,
            ("token_expired", ..) => Self::TokenExpired,
            ("message_gone", ..) => Self::Lost,
            ("internal_error", ..) => Self::Crashed,
            _ => Self::Broken,
        }
    }
}
