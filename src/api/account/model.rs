//! The response types of `/api/account`.

use serde::Serialize;
use utoipa::ToSchema;

/// State of a deletion that is not finished yet.
#[derive(Debug, Serialize, ToSchema)]
pub struct AccountDeletion {
    /// Always `deleting`.
    #[schema(example = "deleting")]
    pub status: &'static str,
}

/// A form with an export of ChatGPT.
#[derive(Debug, ToSchema)]
#[allow(dead_code, reason = "it describes the form")]
pub struct ImportForm {
    /// `conversations.json`, or the ZIP archive that it comes in.
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
}

/// Result of an import.
#[derive(Debug, Serialize, ToSchema)]
pub struct ImportReport {
    /// Number of chats that were created.
    pub chats_imported: u64,
    /// Number of chats that an earlier import had created.
    pub chats_known: u64,
    /// Number of messages that were created.
    pub messages_imported: u64,
    /// Number of messages that an earlier import had created.
    pub messages_known: u64,
    /// Number of conversations that were not imported.
    pub conversations_left_out: u64,
    /// The first 100 of them.
    pub left_out_conversations: Vec<LeftOutConversation>,
    /// What was not imported of the others, and of the archive.
    pub left_out: Vec<LeftOutContent>,
}

/// A conversation that was not imported.
#[derive(Debug, Serialize, ToSchema)]
pub struct LeftOutConversation {
    /// Place of the conversation in the export, from 1.
    pub number: u64,
    /// Machine-readable code: `too_large`, `too_deep`, `too_many_messages`, `unreadable` or `empty`.
    #[schema(example = "too_large")]
    pub reason: &'static str,
    /// Why, in a sentence that can be shown to users.
    #[schema(example = "It is larger than this server reads at once.")]
    pub detail: &'static str,
}

/// Content that was not imported.
#[derive(Debug, Serialize, ToSchema)]
pub struct LeftOutContent {
    /// Machine-readable code: `attachments`, `files`, `hidden_messages`, `reasoning`, `tool_messages`,
    /// `other_messages` or `unconnected`.
    #[schema(example = "attachments")]
    pub what: &'static str,
    /// How many.
    pub count: u64,
    /// Why, in a sentence that can be shown to users.
    #[schema(example = "Pictures and files in messages are not imported.")]
    pub detail: &'static str,
}
