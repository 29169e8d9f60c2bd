//! The end of an answer.

use serde_json::value::RawValue;

use crate::agent::Failure;
use crate::agent::usage::TokenUsage;

/// How an answer ended.
#[derive(Clone, Debug)]
pub struct End {
    /// The status of the message.
    pub status: Status,
    /// Why the model stopped.
    pub finish_reason: String,
    /// The token usage.
    pub usage: TokenUsage,
    /// The cost in USD, if known.
    pub cost_usd: Option<crate::providers::catalogue::Usd>,
    /// Time from the claim to the end, in milliseconds.
    pub latency_ms: u64,
    /// What went wrong.
    pub failure: Option<Failure>,
    /// The stored message, if it could be saved.
    pub message: Option<Box<RawValue>>,
}

/// The status of a finished message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Status {
    Complete,
    Stopped,
    Failed,
    Interrupted,
    /// Its calls wait for somebody.
    Awaiting,
}

impl Status {
    /// The name in the database and the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
            Self::Awaiting => "awaiting",
        }
    }

    /// The status with this name; `None` for a message that is being written.
    pub fn parse(word: &str) -> Option<Self> {
        let all = [Self::Complete, Self::Stopped, Self::Failed, Self::Interrupted, Self::Awaiting];
        all.into_iter().find(|status| status.as_str() == word)
    }
}
