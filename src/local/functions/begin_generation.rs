//! `begin_generation`.

use rusqlite::Connection;
use serde_json::{Value as Json, json};

use super::acting_user::acting_user;
use super::begin_call::BeginCall;
use super::begin_result::{BeginReply, Chat, history};
use super::message_row::{LEASE_MICROS, Message, change, to_jsonb};
use super::question::{self, ExistingQuestion};
use super::reservations::{Reserved, over_limit, reserve_for_answer};
use super::usage::{end_lapsed, run_id};
use crate::local::schema::{CHATS, MESSAGES};
use crate::local_supabase::functions::value::jsonb;
use crate::local_supabase::functions::{Arguments, RestError, Session};

/// Claims the chat for one answer.
pub(super) fn begin_generation(
    connection: &Connection,
    session: Session,
    arguments: &Arguments,
) -> Result<String, RestError> {
    let Some(user) = acting_user(session, arguments) else {
        return to_jsonb(&BeginReply::NotFound { missing: "chat" });
    };
    let begin = BeginCall {
        connection,
        session,
        arguments,
        chat: arguments.text("p_chat_id").unwrap_or_default(),
        user: &user,
        message: arguments.json("p_user_message"),
        run_id: arguments.text("p_run").and_then(run_id),
    };
    to_jsonb(&begin.claim_or_roll_back()?)
}

impl BeginCall<'_> {
    /// A claim that is over the daily limit leaves everything as it was.
    fn claim_or_roll_back(&self) -> Result<BeginReply, RestError> {
        self.connection.execute_batch("savepoint claim")?;
        let claim = self.claim()?;
        if matches!(claim, BeginReply::OverLimit { .. }) {
            self.connection.execute_batch("rollback to claim")?;
        }
        self.connection.execute_batch("release claim")?;
        Ok(claim)
    }

    fn claim(&self) -> Result<BeginReply, RestError> {
        self.create_chat()?;
        let Some(chat) = Chat::find(self.connection, self.chat, self.user)? else {
            return Ok(BeginReply::NotFound { missing: "chat" });
        };
        // A repeat of this very call, after its first answer was lost.
        if let Some(answer) = self.find_own_answer()? {
            let question = self.find_question(&answer)?;
            return self.started(chat, question.as_ref(), &answer);
        }
        end_lapsed(self.connection, self.session, self.chat, self.user)?;
        let sent = match question::find_existing(self)? {
            Ok(sent) => sent,
            Err(claim) => return Ok(claim),
        };
        if let Some(running) = self.find_running()? {
            return Ok(BeginReply::Busy { message_id: running.id });
        }
        self.answer(chat, sent)
    }

    fn answer(&self, chat: Chat, sent: Option<ExistingQuestion>) -> Result<BeginReply, RestError> {
        let question = match question::choose(self, sent)? {
            Ok(question) => question,
            Err(claim) => return Ok(claim),
        };
        // A version that an edit has replaced gets no new answers.
        if question.role != "user" || !question.is_active {
            return Ok(BeginReply::Conflict);
        }
        self.replace_answers(&question)?;
        let answer = self.insert_answer(&chat, &question)?;
        self.started(chat, Some(&question), &answer)
    }

    fn create_chat(&self) -> Result<(), RestError> {
        let Some(chat) = self.arguments.json("p_create_chat") else { return Ok(()) };
        let text = |key| chat.get(key).and_then(jsonb::to_text);
        let metadata = chat.get("metadata").filter(|metadata| !metadata.is_null());
        let given = [
            ("id", self.arguments.value("p_chat_id")),
            ("user_id", self.user.to_owned().into()),
            ("title", text("title").unwrap_or_else(|| "New chat".to_owned()).into()),
            ("model", text("model").into()),
            ("system_prompt", text("system_prompt").into()),
            ("metadata", metadata.map_or_else(|| "{}".to_owned(), jsonb::print).into()),
        ];
        self.insert(&CHATS, given, Some(CHATS.primary_key()))?;
        Ok(())
    }

    fn find_own_answer(&self) -> rusqlite::Result<Option<Message>> {
        let clause = "where run_id = ? and chat_id = ? and user_id = ? and status = 'streaming'";
        Message::find(self.connection, clause, (&self.run_id, self.chat, self.user))
    }

    fn find_running(&self) -> rusqlite::Result<Option<Message>> {
        let clause = "where chat_id = ? and user_id = ? and status = 'streaming'";
        Message::find(self.connection, clause, (self.chat, self.user))
    }

    fn find_question(&self, answer: &Message) -> rusqlite::Result<Option<Message>> {
        let key = (&answer.parent_id, self.user);
        Message::find(self.connection, "where id = ? and user_id = ?", key)
    }

    /// Hides what the new answer takes the place of: everything after the question, or the attempt
    /// that failed.
    fn replace_answers(&self, question: &Message) -> Result<(), RestError> {
        if self.action() == Some("regenerate") {
            return question::deactivate_after(self, question);
        }
        let statement = "update messages set is_active = 0 where parent_id = ? and chat_id = ? \
                         and user_id = ? and role = 'assistant' and is_active";
        let params = (&question.id, self.chat, self.user);
        change(self.connection, self.session, statement, params)
    }

    fn insert_answer(&self, chat: &Chat, question: &Message) -> Result<Message, RestError> {
        let argument = |name| self.arguments.text(name).map(str::to_owned);
        let model =
            argument("p_model").or(chat.model.clone()).or_else(|| argument("p_default_model"));
        let lease = self.target(&MESSAGES).clock_timestamp()? + LEASE_MICROS;
        let metadata = json!({ "user_message_id": question.id });
        let given = [
            ("id", self.arguments.value("p_message_id")),
            ("chat_id", self.chat.to_owned().into()),
            ("user_id", self.user.to_owned().into()),
            ("parent_id", question.id.clone().into()),
            ("role", "assistant".to_owned().into()),
            ("model", model.into()),
            ("status", "streaming".to_owned().into()),
            ("run_id", self.run_id.clone().into()),
            ("lease_expires_at", lease.into()),
            ("usage", jsonb::print(&self.estimated_usage(question)?).into()),
            ("metadata", jsonb::print(&metadata).into()),
        ];
        let inserted = self.insert(&MESSAGES, given, None)?;
        let answer = Message::find(self.connection, "where rowid = ?", [inserted])?;
        answer.ok_or_else(|| rusqlite::Error::QueryReturnedNoRows.into())
    }

    /// What answering costs at the least, about four bytes a token: it counts if the server crashes
    /// before it can save a better estimate.
    fn estimated_usage(&self, question: &Message) -> rusqlite::Result<Json> {
        let select = "select coalesce(sum(octet_length(content)), 0) / 4 from messages \
                      where chat_id = ? and user_id = ? and is_active \
                      and (created_at, id) <= (?, ?)";
        let params = (self.chat, self.user, question.created_at, &question.id);
        let mut statement = self.connection.prepare_cached(select)?;
        let tokens: i64 = statement.query_row(params, |row| row.get(0))?;
        Ok(json!({
            "input_tokens": tokens,
            "output_tokens": 0,
            "total_tokens": tokens,
            "cached_input_tokens": 0,
            "cache_write_input_tokens": 0,
            "reasoning_tokens": 0,
        }))
    }

    /// `private.started`, with what a daily limit wants reserved.
    fn started(
        &self,
        chat: Chat,
        question: Option<&Message>,
        answer: &Message,
    ) -> Result<BeginReply, RestError> {
        let reserve = self.arguments.json("p_reserve");
        let reserved = match &reserve {
            Some(reserve) => match self.reserve(answer, reserve)? {
                Some(reserved) => Some(reserved),
                None => {
                    let over_limit = over_limit(self.connection, self.user, reserve)?;
                    return Ok(BeginReply::OverLimit { over_limit });
                }
            },
            None => None,
        };
        Ok(BeginReply::Started {
            reserved,
            chat,
            user_message: self.message_json(question)?,
            message: self.message_json(Some(answer))?,
            history: history(self.connection, self.chat, self.user, question)?,
        })
    }

    fn reserve(&self, answer: &Message, reserve: &Json) -> Result<Option<Reserved>, RestError> {
        let select = "select coalesce(usage ->> 'input_tokens', 0) from messages where rowid = ?";
        let tokens = self.connection.query_row(select, [answer.rowid], |row| row.get(0))?;
        let run = (Some(self.user), self.run_id.as_deref());
        reserve_for_answer(self.connection, self.session, run, reserve, tokens)
    }
}
