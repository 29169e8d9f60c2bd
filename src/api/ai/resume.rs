//! What a client that comes back to a chat is shown.

use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::sync::watch;
use uuid::Uuid;

use super::begin::{AnswerReceiver, wait_until_started};
use super::{Ai, remote_answer};
use crate::agent::{Claim, Rows};
use crate::api::files::Owner;
use crate::database::{self, AnswerToResume, ResumeReply};
use crate::http::auth::CurrentUser;
use crate::http::error::ApiError;

/// The answer that is being written in the chat, here or elsewhere, or else the one that has ended and that
/// the user has not read yet. 404 when the chat is not the user's.
pub(super) async fn resume(
    ai: &Ai,
    user: &CurrentUser,
    chat_id: Uuid,
) -> Result<Option<AnswerReceiver>, ApiError> {
    if let Some(answer) = running_here(ai, user, chat_id).await {
        return Ok(Some(answer));
    }
    shown(ai, user, chat_id, find(ai, user, chat_id).await?.message).await
}

/// Whether anything of the chat is to be answered before what waits.
pub(super) async fn is_awaiting(
    ai: &Ai,
    user: &CurrentUser,
    chat_id: Uuid,
) -> Result<bool, ApiError> {
    Ok(find(ai, user, chat_id).await?.awaiting.is_some())
}

pub(super) async fn running_here(
    ai: &Ai,
    user: &CurrentUser,
    chat_id: Uuid,
) -> Option<AnswerReceiver> {
    let mut answer = ai.generations.in_chat(user.id, chat_id)?.answer;
    match wait_until_started(&mut answer).await {
        Ok(Claim::Granted(_)) => Some(answer),
        // Another replica writes, or there is nothing to write, or it has failed: the database knows.
        _ => None,
    }
}

pub(super) async fn find(
    ai: &Ai,
    user: &CurrentUser,
    chat_id: Uuid,
) -> Result<ResumeReply, ApiError> {
    let find = AnswerToResume { p_chat_id: chat_id };
    // One that is saved while the database answers is no longer on its way afterwards.
    let being_marked = ai.read_marks.being_marked();
    let found: Option<ResumeReply> = database::call(ai.supabase.rest(user.caller()), &find).await?;
    let mut found = found.ok_or_else(|| ApiError::not_found("chat"))?;
    if let Some(message) = &found.message {
        let Row { id, status } = row(message)?;
        let is_marked = being_marked.contains(&id) || ai.read_marks.is_being_marked(id);
        if is_marked && status != "streaming" {
            found.message = None;
        }
    }
    Ok(found)
}

#[derive(Deserialize)]
struct Row {
    id: Uuid,
    status: String,
}

fn row(message: &RawValue) -> Result<Row, ApiError> {
    serde_json::from_str(message.get()).map_err(|error| ApiError::unreadable("message", error))
}

pub(super) async fn shown(
    ai: &Ai,
    user: &CurrentUser,
    chat_id: Uuid,
    message: Option<Box<RawValue>>,
) -> Result<Option<AnswerReceiver>, ApiError> {
    let Some(message) = message else { return Ok(None) };
    let unreadable = |error| ApiError::unreadable("message", error);
    let Row { id, status } = row(&message)?;
    if status == "streaming" {
        let rows = Rows { message_id: id, message: Some(message), user_message: None };
        return Ok(Some(ai.followers.follow(chat_id, &rows, user)));
    }
    let message = message.get().to_owned().into();
    let message = ai.files.with_signed_urls(&Owner::from(user), message).await;
    let message = serde_json::from_slice(&message).map_err(unreadable)?;
    let rows = Rows { message_id: id, message: Some(message), user_message: None };
    Ok(Some(watch::channel(remote_answer::answer(&rows, Claim::Answered(rows.clone()))).1))
}
