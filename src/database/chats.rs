//! Functions about chats.

use serde::Serialize;
use uuid::Uuid;

use super::Function;
use crate::supabase::Rows;

/// Toggles a flag of a chat; replies the changed row, or none.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct ToggleChat<'a> {
    pub p_chat_id: Uuid,
    /// `is_archived` or `is_bookmarked`.
    pub p_column: &'a str,
}

impl Function for ToggleChat<'_> {
    const NAME: &'static str = "toggle_chat";
    const IS_REPEATABLE: bool = false;
    type Reply = Rows;
}

/// Finds chats by a text in their title or messages.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct SearchChats<'a> {
    pub q: &'a str,
}

impl Function for SearchChats<'_> {
    const NAME: &'static str = "search_chats";
    const IS_REPEATABLE: bool = true;
    type Reply = Rows;
}
