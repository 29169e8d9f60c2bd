//! `continue_generation`.

use rusqlite::{Connection, params};
use serde_json::Value as Json;

use super::acting_user::acting_user;
use super::begin_call::BeginCall;
use super::begin_result::{BeginReply, Chat};
use super::call_outcomes::{end_calls, supersede_calls, with_outcomes};
use super::call_runs::calls_to_run;
use super::candidates::question_json;
use super::lapsed::end_lapsed;
use super::message_row::{LEASE_MICROS, Message, change, find_writing, to_jsonb};
use super::tool_calls::CallSummary;
use super::usage::run_id;
use crate::local_supabase::functions::value::jsonb;
use crate::local_supabase::functions::{Arguments, RestError, Session};

/// Continues an answer whose calls wait for nobody any more, in the same message.
pub(super) fn continue_generation(
    connection: &Connection,
    session: Session,
    arguments: &Arguments,
) -> Result<String, RestError> {
    let Some(user) = acting_user(session, arguments) else {
        return to_jsonb(&BeginReply::NotFound { missing: "chat" });
    };
    let call = BeginCall {
        connection,
        session,
        arguments,
        chat: arguments.text("p_chat_id").unwrap_or_default(),
        user: &user,
        message: None,
        run_id: arguments.text("p_run").and_then(run_id),
    };
    to_jsonb(&call.or_roll_back(|| call.continue_message())?)
}

impl BeginCall<'_> {
    fn continue_message(&self) -> Result<BeginReply, RestError> {
        let Some(chat) = Chat::find(self.connection, self.chat, self.user)? else {
            return Ok(BeginReply::NotFound { missing: "chat" });
        };
        end_lapsed(self.connection, self.session, self.chat, self.user)?;
        let Some(message) = self.find_continued()? else {
            return Ok(BeginReply::NotFound { missing: "message" });
        };
        let by_id = "where id = ? and chat_id = ? and user_id = ? and role = 'user'";
        let key = (&message.parent_id, self.chat, self.user);
        let question = Message::find(self.connection, by_id, key)?;
        let summary = CallSummary::find(self.connection, self.user, &message.id)?;
        let summary = summary.unwrap_or_default();
        if message.status == "streaming" && self.is_own(&message)? {
            return self.continued(chat, question.as_ref(), &message, summary);
        }
        // Nobody waits for an answer without its question, or for a version that was replaced.
        if message.status == "awaiting" && (question.is_none() || !message.is_active) {
            let error = "Not run: the person wrote something else instead.";
            supersede_calls(self.connection, self.session, self.chat, self.user, error)?;
            return self.found(&message, question.as_ref(), None);
        }
        if message.status != "awaiting" {
            return self.found(&message, question.as_ref(), None);
        }
        if let Some(message_id) = find_writing(self.connection, self.chat, self.user)? {
            return Ok(BeginReply::Busy { message_id });
        }
        if summary.remaining > 0 {
            return self.found(&message, question.as_ref(), Some(summary.remaining));
        }
        let error = "There was no answer from the page in time.";
        end_calls(self.connection, self.user, &message.id, "expired", error)?;
        let Some(question) = question else {
            return Ok(BeginReply::NotFound { missing: "message" });
        };
        let parts = with_outcomes(self.connection, &message)?;
        self.begin_again(&message, &question, &parts)?;
        let reply = self.continued(chat, Some(&question), &message, summary)?;
        match reply {
            BeginReply::Started { .. } => {
                self.save_earlier(&parts)?;
                self.with_message(reply, &message)
            }
            other => Ok(other),
        }
    }

    fn find_continued(&self) -> rusqlite::Result<Option<Message>> {
        let by_id = "where id = ? and chat_id = ? and user_id = ? and role = 'assistant'";
        let key = (self.arguments.text("p_message_id"), self.chat, self.user);
        Message::find(self.connection, by_id, key)
    }

    fn is_own(&self, message: &Message) -> rusqlite::Result<bool> {
        let own = "where rowid = ? and run_id = ?";
        Ok(Message::find(self.connection, own, (message.rowid, &self.run_id))?.is_some())
    }

    /// A message that this run does not continue.
    fn found(
        &self,
        message: &Message,
        question: Option<&Message>,
        remaining: Option<i64>,
    ) -> Result<BeginReply, RestError> {
        let user_message = question_json(self.connection, self.session, question, None)?;
        let is_running = message.status == "streaming";
        let message = self.message_json(Some(message))?;
        Ok(match remaining {
            Some(remaining) => BeginReply::NotReady { remaining, message, user_message },
            None if is_running => BeginReply::Running { message, user_message },
            None => BeginReply::Ended { message, user_message },
        })
    }

    /// `private.begin_again`, without the reservation.
    fn begin_again(
        &self,
        message: &Message,
        question: &Message,
        parts: &Json,
    ) -> Result<(), RestError> {
        let mut usage = self.estimated_usage(question)?;
        let bytes = i64::try_from(jsonb::print(parts).len()).unwrap_or(i64::MAX);
        let input = usage["input_tokens"].as_i64().unwrap_or(0) + bytes / 4;
        usage["input_tokens"] = input.into();
        usage["total_tokens"] = input.into();
        let update = "update messages set status = 'streaming', run_id = ?, \
                      stop_requested_at = null, finish_reason = null, \
                      lease_expires_at = clock_timestamp() + ?, content = '', parts = '[]', \
                      model = coalesce(?, model), cost_usd = null, usage = ? where rowid = ?";
        let values = params![
            self.run_id,
            LEASE_MICROS,
            self.arguments.text("p_model"),
            jsonb::print(&usage),
            message.rowid
        ];
        change(self.connection, self.session, update, values)
    }

    fn continued(
        &self,
        chat: Chat,
        question: Option<&Message>,
        message: &Message,
        summary: CallSummary,
    ) -> Result<BeginReply, RestError> {
        let mut reply = self.started(chat, question, None, message)?;
        if let BeginReply::Started { checkpoint, definitions, calls, .. } = &mut reply {
            *checkpoint = Some(1);
            *calls = Some(Box::new(calls_to_run(self.connection, self.user, &message.id)?));
            *definitions = Some(Box::new(Json::Array(summary.definitions)));
        }
        Ok(reply)
    }

    fn with_message(&self, mut reply: BeginReply, now: &Message) -> Result<BeginReply, RestError> {
        if let BeginReply::Started { message, .. } = &mut reply {
            *message = self.message_json(Some(now))?;
        }
        Ok(reply)
    }

    /// `private.save_earlier`
    fn save_earlier(&self, parts: &Json) -> Result<(), RestError> {
        let update = "update \"private.token_reservations\" set checkpoint = 1 \
                      where run_id = ? and user_id = ? and checkpoint = 0";
        if self.connection.execute(update, (&self.run_id, self.user))? == 0 {
            return Ok(());
        }
        let insert = "insert into \"private.answer_pieces\" \
                      (run_id, checkpoint, part_index, text_offset, text, part) \
                      values (?, 1, ?, 0, ?, ?)";
        let objects = parts.as_array().into_iter().flatten().filter(|part| part.is_object());
        for (index, part) in objects.enumerate() {
            let mut part = part.clone();
            let text = part.get("text").and_then(jsonb::to_text).unwrap_or_default();
            if let Some(member) = part.get_mut("text") {
                *member = "".into();
            }
            let index = i64::try_from(index).unwrap_or(i64::MAX);
            let piece = params![self.run_id, index, text, jsonb::print(&part)];
            self.connection.prepare_cached(insert)?.execute(piece)?;
        }
        Ok(())
    }
}
