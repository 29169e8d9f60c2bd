//! What a recorder hands to the functions of the database.

use uuid::Uuid;

use super::chat_recorder::ChatRecorder;
use super::hand_over::TakeOver;
use super::request::ChatRequest;
use crate::agent::Save;
use crate::database::{
    BeginGeneration, ContinueGeneration, CreateChat, SaveEnd, SaveGeneration, TakeOverGeneration,
    UserMessage,
};

impl ChatRecorder {
    pub(super) fn begin_generation<'a>(&'a self, request: &'a ChatRequest) -> BeginGeneration<'a> {
        let user_message = request.user_message.as_ref().map(|turn| UserMessage {
            id: turn.id,
            content: &turn.content,
            parts: &turn.parts,
            metadata: turn.metadata.as_ref(),
            after: turn.after,
            queue: request.queue.as_deref(),
        });
        BeginGeneration {
            p_chat_id: self.chat_id,
            p_run: self.run,
            p_message_id: self.message_id,
            p_action: request.action,
            p_user_message: user_message,
            p_regenerate: request.regenerate,
            p_model: request.model.as_deref(),
            p_default_model: self.providers.default_model(),
            p_create_chat: self.create_chat.then_some(CreateChat {}),
            p_reserve: self.reserve.clone(),
        }
    }

    pub(super) fn take_over_generation(&self, from: &TakeOver) -> TakeOverGeneration {
        TakeOverGeneration {
            p_chat_id: self.chat_id,
            p_message_id: self.message_id,
            p_run: from.run(),
            p_next_run: self.run,
            p_reserve: self.reserve.clone(),
        }
    }

    pub(super) fn continue_generation<'a>(
        &self,
        message_id: Uuid,
        request: &'a ChatRequest,
    ) -> ContinueGeneration<'a> {
        ContinueGeneration {
            p_chat_id: self.chat_id,
            p_message_id: message_id,
            p_run: self.run,
            p_model: request.model.as_deref(),
            p_reserve: self.reserve.clone(),
        }
    }

    pub(super) fn save_generation<'a>(
        &self,
        save: &'a Save,
        user_id: Option<Uuid>,
    ) -> SaveGeneration<'a> {
        SaveGeneration {
            p_message_id: self.message_id,
            p_run: self.run,
            p_chat_id: self.chat_id,
            p_parts: save.parts.as_deref(),
            p_model: save.model.as_deref(),
            p_metadata: save.metadata.as_ref(),
            p_usage: save.usage,
            p_cost_usd: save.cost_usd,
            p_end: Some(SaveEnd::Message(&save.end)),
            p_user_id: user_id,
        }
    }
}
