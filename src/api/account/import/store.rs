//! Imported conversations in Supabase, with the user's own token. Rows that are there already stay as they are.

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
    if made.is_empty() {
        report.chats_known += 1;
    } else {
        report.chats_imported += 1;
    }
    for rows in &conversation.messages {
        let rest = accounts.supabase.rest(user.caller());
        let made = rest.from("messages").insert_new(rows).select("id").rows().await?;
        let made = made.split()?.len();
        report.messages_imported += made as u64;
        report.messages_known += (rows.len() - made) as u64;
    }
    report.add(conversation.left_out);
    Ok(())
}
