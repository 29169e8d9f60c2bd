//! Calls that wait for a person's decision, and those that were approved.

use serde_json::Value;
use uuid::Uuid;

/// What of a call has to be the same when it is made as when the person was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealedCall<'a> {
    /// The id by which it is decided.
    pub id: Uuid,
    /// The provider's id.
    pub call_id: &'a str,
    /// The label of the tool's source.
    pub source: &'a str,
    /// The tool's name there.
    pub source_tool: &'a str,
    /// The digest of the arguments.
    pub arguments_digest: &'a str,
    /// The digest of the tool's definition.
    pub definition_digest: &'a str,
    /// Why a person is asked: `always` or `unless`.
    pub policy: &'a str,
    /// Whether it may be made again when its outcome is not known.
    pub is_repeatable: bool,
    /// Whether the person may change the arguments.
    pub may_edit: bool,
    /// Whether the person may allow the tool for the rest of the chat.
    pub may_remember: bool,
}

/// An approved call that belongs to this run, as a server has sealed it.
#[derive(Clone, Debug)]
pub struct ApprovedCall {
    /// The label of the tool's source.
    pub source: String,
    /// The tool's name there.
    pub source_tool: String,
    /// The arguments.
    pub arguments: Value,
    /// The digest of the tool's definition.
    pub definition_digest: String,
    /// Whether it may be made again when its outcome is not known.
    pub is_repeatable: bool,
}

/// Whether a call is this run's to make.
#[derive(Clone, Debug)]
pub enum ClaimedCall {
    /// It is.
    Claimed(ApprovedCall),
    /// It is, but no server has sealed it as it is.
    Unsealed,
    /// It has come to this before: `{"output"}` or `{"error"}`.
    Ended(Value),
    /// It is not.
    Lost,
}

/// How a call that was approved has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallEnd {
    /// It has a result.
    Done,
    /// It has failed.
    Failed,
    /// It was not made.
    Superseded,
    /// It is not known whether it was made.
    Unknown,
}

impl CallEnd {
    /// The name in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Superseded => "superseded",
            Self::Unknown => "unknown",
        }
    }
}

/// A tool that a person has allowed for the rest of a chat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolGrant {
    /// The label of its source.
    pub source: String,
    /// Its name there.
    pub tool: String,
    /// The digest of its definition.
    pub definition_digest: String,
}
