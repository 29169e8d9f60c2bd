//! Files for a model: those of a new message are checked, those of the history are loaded.

mod budget;
mod content;
mod loader;
mod stateless;

pub(super) use loader::FileLoader;
pub(super) use stateless::read;

use serde::Deserialize;
use uuid::Uuid;

use budget::{Budget, Given, Means, RUN_SCRIPT};

use super::Ai;
use super::offered_tools::OfferedTools;
use super::request::ChatRequest;
use crate::api::files::{FilePart, Owner, PartsContext};
use crate::http::auth::CurrentUser;
use crate::http::error::ApiError;
use crate::http::validate::Checks;

/// Stores what the new message brings as data, and refuses what neither its model nor the tools that it is
/// offered can take: 422, before anything is stored or billed.
pub(super) async fn prepare(
    ai: &Ai,
    user: &CurrentUser,
    chat_id: Uuid,
    create_chat: bool,
    request: &mut ChatRequest,
    offered: &OfferedTools,
) -> Result<(), ApiError> {
    let Some(turn) = &mut request.user_message else { return Ok(()) };
    if turn.parts.iter().all(|part| part["type"] != "file") {
        return Ok(());
    }
    let chat = chat(ai, user, chat_id).await?;
    if chat.is_none() && !create_chat {
        return Err(ApiError::not_found("chat"));
    }
    let model = request.model.as_deref().or(chat.as_ref().and_then(|chat| chat.model.as_deref()));
    let Ok(model) = ai.providers.choose(model) else {
        // Whoever asks the model says what is wrong with it.
        return Ok(());
    };
    let owner = Owner::from(user);
    let pointer = format!("{}/parts", turn.pointer);
    let found = ai.files.find_attachments(&owner, &turn.parts, &pointer).await?;
    let attachments: Vec<_> = found.iter().map(|part| &part.attachment).collect();
    let means = Means::new(&ai.texts, &model, &attachments, offered.has(RUN_SCRIPT)).await;
    check(&mut Budget::new(&model, &means), &found, &pointer)?;
    let chat_id = chat.map(|_| chat_id);
    let context = PartsContext { pointer: &pointer, message_id: turn.id, chat_id };
    ai.files.store_attachments(&owner, &mut turn.parts, found, &context).await
}

/// 422 for what the model is not given. Else how it is given each.
fn check(
    budget: &mut Budget<'_>,
    found: &[FilePart],
    pointer: &str,
) -> Result<Vec<Given>, ApiError> {
    let mut checks = Checks::default();
    let mut given = Vec::new();
    for FilePart { index, attachment, .. } in found {
        match budget.give(attachment) {
            Ok(as_what) => given.push(as_what),
            Err(refusal) => checks.refuse(format!("{pointer}/{index}"), refusal),
        }
    }
    checks.finish()?;
    Ok(given)
}

/// The memory that a file takes: as base64, and twice in the request.
fn cost(bytes: usize) -> usize {
    bytes.saturating_mul(4)
}

#[derive(Deserialize)]
struct Chat {
    model: Option<String>,
}

async fn chat(ai: &Ai, user: &CurrentUser, chat_id: Uuid) -> Result<Option<Chat>, ApiError> {
    let query = ai.supabase.rest(user.caller()).from("chats").eq("id", chat_id);
    let mut chats: Vec<Chat> = query.select("model").value().await?;
    Ok(chats.pop())
}
