//! Stops the answer that is being written in a chat, wherever it is.

use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::Ai;
use super::follow_peer::stop_there;
use crate::database::{self, RequestStop, StopReply};
use crate::http::auth::CurrentUser;
use crate::http::error::ApiError;

/// How long the replica that owns the answer has to end it.
const TIMEOUT: Duration = Duration::from_secs(5);
const POLL_INTERVAL: Duration = Duration::from_millis(250);

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
    let mut peers = ai.peers.as_ref();
    loop {
        let rest = ai.supabase.rest(user.caller());
        let message = match database::call(rest, &RequestStop { p_chat_id: chat_id }).await? {
            StopReply::NoChat => return Err(ApiError::not_found("chat")),
            StopReply::Running(message) if Instant::now() < give_up => {
                // Its owner hears of it here, or else with its next checkpoint.
                let message_id = message.as_deref().and_then(id);
                let is_stopped = match (peers.take(), message_id) {
                    (Some(peers), Some(message_id)) => {
                        stop_there(peers, chat_id, message_id, &user.token).await
                    }
                    _ => false,
                };
                if !is_stopped {
                    sleep(POLL_INTERVAL).await;
                }
                continue;
            }
            StopReply::Running(message) | StopReply::Idle(message) => message,
        };
        return Ok(message.map(|message| Bytes::from(message.get().to_owned())));
    }
}

fn id(message: &RawValue) -> Option<Uuid> {
    #[derive(Deserialize)]
    struct Row {
        id: Uuid,
    }
    serde_json::from_str::<Row>(message.get()).ok().map(|row| row.id)
}
