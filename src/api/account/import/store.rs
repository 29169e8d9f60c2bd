//! Imported conversations in Supabase, with the user's own token. Rows that are there already stay as they are.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::reader::Conversation;
use super::report::Report;
use super::shown::Path;
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
    let path = Path { accounts, user, chat: conversation.chat.id, ids: conversation.path };
    let mut is_shown = true;
    if made.is_empty() {
        report.chats_known += 1;
        is_shown = path.goes_on().await?;
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
        is_shown = is_shown && path.is_still_shown().await?;
    }
    report.add(conversation.left_out);
    Ok(())
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
