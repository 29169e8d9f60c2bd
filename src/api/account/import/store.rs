//! Imported conversations in Supabase, with the user's own token. Rows that are there already stay as they are.

use super::chatgpt::Imported;
use super::groups::groups;
use super::report::Report;
use crate::api::account::service::Accounts;
use crate::http::auth::CurrentUser;
use crate::http::error::ApiError;

/// How many messages are stored at once, and how many bytes of them.
const ROWS: usize = 200;
const BYTES: usize = 1 << 20;

pub(super) async fn store(
    accounts: &Accounts,
    user: &CurrentUser,
    imported: Imported,
    report: &mut Report,
) -> Result<(), ApiError> {
    let Imported { chat, messages, left_out } = imported;
    let rest = accounts.supabase.rest(user.caller());
    let made = rest.from("chats").insert_new(&chat).select("id").rows().await?;
    if made.is_empty() {
        report.chats_known += 1;
    } else {
        report.chats_imported += 1;
    }
    for rows in groups(&messages, ROWS, BYTES) {
        let rest = accounts.supabase.rest(user.caller());
        let made = rest.from("messages").insert_new(&rows).select("id").rows().await?;
        let made = made.split()?.len();
        report.messages_imported += made as u64;
        report.messages_known += (rows.len() - made) as u64;
    }
    report.add(left_out);
    Ok(())
}
