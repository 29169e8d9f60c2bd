//! Stops the answer that is being written in a chat, wherever it is.

use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::Ai;
use crate::http::auth::CurrentUser;
use crate::http::error::ApiError;

/// How long the replica that owns the answer has to end it.
const TIMEOUT: Duration = Duration::from_secs(5);
const EVERY: Duration = Duration::from_millis(250);

#[derive(Deserialize)]
struct Stopping {
    running: bool,
    message: Option<Box<RawValue>>,
}

/// Stops what runs and waits for its end; the chat's newest assistant message, if there is one.
pub(super) async fn stop(
    ai: &Ai,
    user: &CurrentUser,
    chat_id: Uuid,
) -> Result<Option<Bytes>, ApiError> {
    if let Some(generation) = ai.generations.in_chat(user.id, chat_id) {
        generation.stop_and_wait().await;
    }
    let give_up = Instant::now() + TIMEOUT;
    loop {
        let stopping = request_stop(ai, user, chat_id).await?;
        if !stopping.running || Instant::now() >= give_up {
            return Ok(stopping.message.map(|message| Bytes::from(message.get().to_owned())));
        }
        sleep(EVERY).await;
    }
}

async fn request_stop(ai: &Ai, user: &CurrentUser, chat_id: Uuid) -> Result<Stopping, ApiError> {
    let arguments = json!({ "p_chat_id": chat_id });
    let rest = ai.supabase.rest(user.caller());
    let stopping: Option<Stopping> =
        rest.call("request_stop", &arguments).repeatable().value().await?;
    stopping.ok_or_else(|| ApiError::not_found("chat"))
}
