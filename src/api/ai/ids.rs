//! Ids of the AI SDK. Its default ids are not UUIDs, so a UUID is derived from them.

use uuid::Uuid;

/// The chat that a client's id means.
pub(super) fn chat_id(user_id: Uuid, id: &str) -> Uuid {
    id.parse().unwrap_or_else(|_| Uuid::new_v5(&user_id, id.as_bytes()))
}

/// Whether the id may be any chat's; an id of the SDK's own can only mean a chat of this user.
pub(super) fn is_uuid(id: &str) -> bool {
    id.parse::<Uuid>().is_ok()
}

/// The message that a client's id means.
pub(super) fn message_id(chat_id: Uuid, id: &str) -> Uuid {
    id.parse().unwrap_or_else(|_| Uuid::new_v5(&chat_id, id.as_bytes()))
}
