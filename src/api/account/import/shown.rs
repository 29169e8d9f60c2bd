//! Whether a chat shows what is imported: it does only where nobody has gone on in it, and somebody may at any moment.

use std::collections::HashSet;

use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use crate::api::account::service::Accounts;
use crate::http::auth::CurrentUser;
use crate::http::error::ApiError;
use crate::supabase::Query;

/// How many messages are looked at to find where somebody has gone on.
const LOOKED_AT: usize = 1_000;

/// A conversation that is imported to a chat.
pub(super) struct Path<'a> {
    pub(super) accounts: &'a Accounts,
    pub(super) user: &'a CurrentUser,
    pub(super) chat: Uuid,
    /// The ids of the messages that are shown of it.
    pub(super) ids: HashSet<Uuid>,
}

/// A message that the chat shows.
#[derive(Deserialize)]
struct Shown {
    id: Uuid,
    parent_id: Option<Uuid>,
    created_at: String,
}

impl Path<'_> {
    /// Whether what the chat shows is the beginning of this path, so that the rest of it follows. Else it is a
    /// version beside what was said here.
    pub(super) async fn goes_on(&self) -> Result<bool, ApiError> {
        Ok(self.others(1).await?.is_empty())
    }

    /// After messages were stored as shown: whether they still are. Where somebody has gone on meanwhile, what was
    /// stored after that place is a version beside it.
    pub(super) async fn is_still_shown(&self) -> Result<bool, ApiError> {
        if self.goes_on().await? {
            return Ok(true);
        }
        let others = self.others(LOOKED_AT).await?;
        let Some(first) = others.last() else { return Ok(true) };
        let stored = self.messages().update(&json!({ "is_active": false }));
        let stored = stored.is("is_active", true);
        let mut stored = stored.parameter("created_at", format_args!("lt.{}", first.created_at));
        if let Some(parent) = first.parent_id {
            let parent = self.messages().select("id,parent_id,created_at").eq("id", parent);
            if let [parent] = read(parent).await?.as_slice() {
                stored = stored.parameter("created_at", format_args!("gt.{}", parent.created_at));
            }
        }
        stored.select("id").rows().await?;
        Ok(false)
    }

    /// The newest messages that the chat shows, newest first, up to the first that is of this path.
    async fn others(&self, limit: usize) -> Result<Vec<Shown>, ApiError> {
        let shown = self.messages().select("id,parent_id,created_at").is("is_active", true);
        let mut shown = read(shown.order("created_at.desc,id.desc").limit(limit)).await?;
        let others = shown.iter().take_while(|message| !self.ids.contains(&message.id)).count();
        shown.truncate(others);
        Ok(shown)
    }

    fn messages(&self) -> Query<'_> {
        let rest = self.accounts.supabase.rest(self.user.caller());
        rest.from("messages").eq("chat_id", self.chat)
    }
}

async fn read(query: Query<'_>) -> Result<Vec<Shown>, ApiError> {
    let rows = query.rows().await?;
    let shown = rows.split()?.into_iter().map(|row| serde_json::from_str(row.get()));
    shown
        .collect::<serde_json::Result<_>>()
        .map_err(|error| ApiError::unreadable("messages", error))
}
