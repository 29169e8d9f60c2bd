//! Imported conversations in Supabase, with the user's own token. Rows that are there already stay as they are.

use std::collections::{BTreeMap, HashSet};

use serde::Deserialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::reader::Conversation;
use super::report::Report;
use crate::api::account::service::Accounts;
use crate::http::auth::CurrentUser;
use crate::http::error::ApiError;

pub(super) async fn store(
    accounts: &Accounts,
    user: &CurrentUser,
    conversation: Conversation,
    report: &mut Report,
) -> Result<(), ApiError> {
    let rest = accounts.supabase.rest(user.caller());
    let made = rest.from("chats").insert_new(&conversation.chat).select("id").rows().await?;
    let mut is_shown = true;
    if made.is_empty() {
        report.chats_known += 1;
        is_shown = goes_on(accounts, user, conversation.chat.id, &conversation.path).await?;
    } else {
        report.chats_imported += 1;
    }
    for rows in &conversation.messages {
        let query = accounts.supabase.rest(user.caller()).from("messages");
        let query = match is_shown {
            true => query.insert_new(rows),
            false => query.insert_new(&inactive(rows)?),
        };
        let made = query.select("id").rows().await?;
        let made = made.split()?.len();
        report.messages_imported += made as u64;
        report.messages_known += (rows.len() - made) as u64;
    }
    report.add(conversation.left_out);
    Ok(())
}

/// Whether what a chat shows is the beginning of this path, so that the rest of it follows. Else it is a
/// version beside what was said here.
async fn goes_on(
    accounts: &Accounts,
    user: &CurrentUser,
    chat: Uuid,
    path: &HashSet<Uuid>,
) -> Result<bool, ApiError> {
    #[derive(Deserialize)]
    struct Row {
        id: Uuid,
    }
    let messages = accounts.supabase.rest(user.caller()).from("messages").select("id");
    let shown = messages.eq("chat_id", chat).is("is_active", true);
    let newest = shown.order("created_at.desc,id.desc").limit(1).rows().await?.first()?;
    let newest = newest.map(|row| serde_json::from_slice::<Row>(&row)).transpose();
    let newest = newest.map_err(|error| ApiError::unreadable("messages", error))?;
    Ok(newest.is_none_or(|newest| path.contains(&newest.id)))
}

fn inactive(rows: &[Box<RawValue>]) -> Result<Vec<BTreeMap<&str, &RawValue>>, ApiError> {
    let inactive = |row| {
        let mut row: BTreeMap<&str, &RawValue> = serde_json::from_str(RawValue::get(row))?;
        row.insert("is_active", RawValue::FALSE);
        Ok(row)
    };
    let rows: serde_json::Result<_> = rows.iter().map(|row| inactive(row)).collect();
    rows.map_err(|error| ApiError::unreadable("messages", error))
}
