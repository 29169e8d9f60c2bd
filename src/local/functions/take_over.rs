//! `take_over_generation`.

use rusqlite::{Connection, OptionalExtension};
use serde_json::{Value as Json, json};

use super::acting_user::acting_user;
use super::begin_call::BeginCall;
use super::begin_result::{BeginReply, Chat};
use super::message_row::{Message, to_jsonb};
use super::reservations::TokenCounts;
use super::saved_answer::give_to_run;
use super::usage::run_id;
use crate::local_supabase::functions::{Arguments, RestError, Session};

/// Takes an answer over from the run that writes it, for `p_next_run`.
pub(super) fn take_over_generation(
    connection: &Connection,
    session: Session,
    arguments: &Arguments,
) -> Result<String, RestError> {
    let Some(user) = acting_user(session, arguments) else {
        return to_jsonb(&BeginReply::NotFound { missing: "chat" });
    };
    let next = BeginCall {
        connection,
        session,
        arguments,
        chat: arguments.text("p_chat_id").unwrap_or_default(),
        user: &user,
        message: None,
        run_id: arguments.text("p_next_run").and_then(run_id),
    };
    // What is over the daily limit leaves everything as it was.
    connection.execute_batch("savepoint claim")?;
    let reply = next.take_over(arguments.text("p_run").and_then(run_id).as_deref())?;
    if reply["answer"] == "over_limit" {
        connection.execute_batch("rollback to claim")?;
    }
    connection.execute_batch("release claim")?;
    to_jsonb(&reply)
}

impl BeginCall<'_> {
    fn take_over(&self, run_id: Option<&str>) -> Result<Json, RestError> {
        let Some(chat) = Chat::find(self.connection, self.chat, self.user)? else {
            return Ok(json!({ "answer": "not_found", "missing": "chat" }));
        };
        // A repeat of this very call comes first.
        let answer = match self.find_streaming(self.run_id.as_deref())? {
            Some(answer) => Some(answer),
            None => self.claim_from(run_id)?,
        };
        let Some(answer) = answer else { return Ok(json!({ "answer": "conflict" })) };
        let reserve = self.arguments.json("p_reserve").unwrap_or_default();
        self.reserve(&answer, TokenCounts(&reserve))?;
        let checkpoint = self.move_pieces(run_id)?;
        let (question, edited) = (self.find_question(&answer)?, answer.edited());
        let started = self.started(chat, question.as_ref(), edited.as_ref(), &answer)?;
        let mut reply: Json = serde_json::from_str(&to_jsonb(&started)?)
            .map_err(|_| RestError::invalid_json_input())?;
        if reply["answer"] == "started" {
            reply["checkpoint"] = checkpoint.into();
        }
        Ok(reply)
    }

    fn find_streaming(&self, run_id: Option<&str>) -> rusqlite::Result<Option<Message>> {
        let clause = "where id = ? and chat_id = ? and user_id = ? and run_id = ? \
                      and status = 'streaming'";
        let key = (self.arguments.text("p_message_id"), self.chat, self.user, run_id);
        Message::find(self.connection, clause, key)
    }

    /// The answer, if it is that run's and may go on; it is the next one's then.
    fn claim_from(&self, run_id: Option<&str>) -> Result<Option<Message>, RestError> {
        let select = "select lease_expires_at >= clock_timestamp() \
                      from \"private.token_reservations\" where run_id = ? and user_id = ?";
        let mut statement = self.connection.prepare_cached(select)?;
        let is_live: Option<bool> =
            statement.query_row((run_id, self.user), |row| row.get(0)).optional()?;
        let select = "select stop_requested_at is null and parent_id is not null from messages \
                      where rowid = ?";
        let mut may_go_on = self.connection.prepare_cached(select)?;
        let Some(answer) = self.find_streaming(run_id)?.filter(|_| is_live == Some(true)) else {
            return Ok(None);
        };
        if !may_go_on.query_row([answer.rowid], |row| row.get(0))? {
            return Ok(None);
        }
        give_to_run(self.connection, self.session, answer.rowid, self.run_id.as_deref())?;
        Ok(Some(answer))
    }

    /// `private.move_pieces`
    fn move_pieces(&self, run_id: Option<&str>) -> rusqlite::Result<Option<i64>> {
        let key = (run_id, self.user, self.run_id.as_deref());
        let number = "update \"private.token_reservations\" set checkpoint = max(checkpoint, coalesce(( \
                      select o.checkpoint from \"private.token_reservations\" o \
                      where o.run_id = ?1 and o.user_id = ?2), 0)) \
                      where run_id = ?3 and user_id = ?2 returning checkpoint";
        let mut number = self.connection.prepare_cached(number)?;
        let checkpoint = number.query_row(key, |row| row.get(0)).optional()?;
        let pieces = "update \"private.answer_pieces\" set run_id = ?3 \
                      where run_id in (select o.run_id from \"private.token_reservations\" o \
                      where o.run_id = ?1 and o.user_id = ?2)";
        if checkpoint.is_some() {
            self.connection.prepare_cached(pieces)?.execute(key)?;
        }
        Ok(checkpoint)
    }
}
