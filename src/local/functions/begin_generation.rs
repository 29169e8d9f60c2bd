//! `begin_generation`.

use rusqlite::Connection;
use serde_json::{Value as Json, json};

use super::acting_user::acting_user;
use super::begin_call::BeginCall;
use super::begin_result::{BeginReply, Chat, history};
use super::call_outcomes::supersede_calls;
use super::candidates::question_json;
use super::lapsed::end_lapsed;
use super::message_row::{LEASE_MICROS, Message, change, find_writing, is_queued, to_jsonb};
use super::question::{self, ExistingQuestion, Question};
use super::queue::has_queue;
use super::reservations::{Reserved, TokenCounts, open_run, over_limit, reserve_for_answer};
use super::usage::run_id;
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
    to_jsonb(&begin.or_roll_back(|| begin.claim())?)
}

impl BeginCall<'_> {
    /// A claim that is over the daily limit leaves everything as it was.
    pub(super) fn or_roll_back(
        &self,
        claim: impl FnOnce() -> Result<BeginReply, RestError>,
    ) -> Result<BeginReply, RestError> {
        self.connection.execute_batch("savepoint claim")?;
        let claim = claim()?;
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
            return self.started(chat, question.as_ref(), answer.edited().as_ref(), &answer);
        }
        end_lapsed(self.connection, self.session, self.chat, self.user)?;
        let sent = match question::find_existing(self)? {
            Ok(sent) => sent,
            Err(claim) => return Ok(claim),
        };
        if let Some(running) = find_writing(self.connection, self.chat, self.user)? {
            if question::member(self, "queue").is_some() && self.submits() {
                return self.queue_message(sent.as_ref().map(|sent| &sent.message), running);
            }
            return Ok(BeginReply::Busy { message_id: running });
        }
        if let Some(sent) = sent.as_ref().filter(|_| self.action() == Some("queued"))
            && !is_queued(self.connection, &sent.message)?
        {
            return Ok(BeginReply::Conflict);
        }
        self.answer(chat, sent)
    }

    fn answer(&self, chat: Chat, sent: Option<ExistingQuestion>) -> Result<BeginReply, RestError> {
        let Question { message: question, edited } = match question::choose(self, sent)? {
            Ok(question) => question,
            Err(claim) => return Ok(claim),
        };
        // A version that was replaced gets no new answers, but one that is still to take its place does.
        if question.role != "user" || !(question.is_active || question.replaces().is_some()) {
            return Ok(BeginReply::Conflict);
        }
        let question = self.end_waiting(question)?;
        let error = "Not run: the person wrote something else instead.";
        supersede_calls(self.connection, self.session, self.chat, self.user, error)?;
        self.end_attempts(&question)?;
        let replaces = self.replaces(&question, edited.as_ref())?;
        let answer = self.insert_answer(&chat, &question, replaces.as_ref())?;
        self.move_queue_behind(&answer)?;
        self.started(chat, Some(&question), edited.as_ref(), &answer)
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
        let chats = self.session.table("chats")?;
        self.insert(chats, given, Some(chats.primary_key()))?;
        Ok(())
    }

    fn find_own_answer(&self) -> rusqlite::Result<Option<Message>> {
        let clause = "where run_id = ? and chat_id = ? and user_id = ? and status = 'streaming'";
        Message::find(self.connection, clause, (&self.run_id, self.chat, self.user))
    }

    pub(super) fn find_question(&self, answer: &Message) -> rusqlite::Result<Option<Message>> {
        let key = (&answer.parent_id, self.user);
        Message::find(self.connection, "where id = ? and user_id = ?", key)
    }

    /// Earlier attempts are no longer their runs', and those with nothing to show give way at once.
    fn end_attempts(&self, question: &Message) -> Result<(), RestError> {
        let statement = "update messages set lease_expires_at = null, \
                         is_active = is_active and parts <> '[]' \
                         where parent_id = ? and chat_id = ? and user_id = ? and role = 'assistant' \
                         and (lease_expires_at is not null or (is_active and parts = '[]'))";
        let params = (&question.id, self.chat, self.user);
        change(self.connection, self.session, statement, params)
    }

    /// Everything after the question, which stays until the new answer has something to show.
    fn replaces(
        &self,
        question: &Message,
        edited: Option<&Json>,
    ) -> Result<Option<Json>, RestError> {
        let select = "select exists (select 1 from messages where chat_id = ? and user_id = ? \
                      and is_active and (created_at, id) > (?, ?) \
                      and id not in (select message_id from \"private.queued_messages\"))";
        let params = (self.chat, self.user, question.created_at, &question.id);
        let mut statement = self.connection.prepare_cached(select)?;
        let is_shown: bool = statement.query_row(params, |row| row.get(0))?;
        if edited.is_none() && question.replaces().is_none() && !is_shown {
            return Ok(None);
        }
        let mut replaces = serde_json::Map::new();
        replaces.insert("all_after".to_owned(), json!(true));
        replaces.extend(edited.map(|edited| ("question".to_owned(), edited.clone())));
        Ok(Some(Json::Object(replaces)))
    }

    fn insert_answer(
        &self,
        chat: &Chat,
        question: &Message,
        replaces: Option<&Json>,
    ) -> Result<Message, RestError> {
        let argument = |name| self.arguments.text(name).map(str::to_owned);
        let model =
            argument("p_model").or(chat.model.clone()).or_else(|| argument("p_default_model"));
        let messages = self.session.table("messages")?;
        let now = self.target(messages).clock_timestamp()?;
        let metadata = json!({ "user_message_id": question.id });
        // Later than what it replaces, whatever the clock says.
        let created_at = self.new_time(replaces.is_some())?;
        let given = [
            ("id", self.arguments.value("p_message_id")),
            ("chat_id", self.chat.to_owned().into()),
            ("user_id", self.user.to_owned().into()),
            ("parent_id", question.id.clone().into()),
            ("role", "assistant".to_owned().into()),
            ("model", model.into()),
            ("status", "streaming".to_owned().into()),
            ("run_id", self.run_id.clone().into()),
            ("lease_expires_at", (now + LEASE_MICROS).into()),
            ("usage", jsonb::print(&self.estimated_usage(question)?).into()),
            ("metadata", jsonb::print(&metadata).into()),
            ("is_active", i64::from(replaces.is_none()).into()),
            ("replaces", replaces.map(jsonb::print).into()),
            ("created_at", created_at.into()),
        ];
        let inserted = self.insert(messages, given, None)?;
        let answer = Message::find(self.connection, "where rowid = ?", [inserted])?;
        answer.ok_or_else(|| rusqlite::Error::QueryReturnedNoRows.into())
    }

    /// What answering costs at the least, about four bytes a token: it counts if the server crashes
    /// before it can save a better estimate.
    pub(super) fn estimated_usage(&self, question: &Message) -> rusqlite::Result<Json> {
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
    pub(super) fn started(
        &self,
        chat: Chat,
        question: Option<&Message>,
        edited: Option<&Json>,
        answer: &Message,
    ) -> Result<BeginReply, RestError> {
        let reserve = self.arguments.json("p_reserve").unwrap_or_default();
        let counts = TokenCounts(&reserve);
        let reserved = match self.reserve(answer, counts)? {
            None if counts.has_limit() => {
                let over_limit = over_limit(self.connection, self.user, &reserve)?;
                return Ok(BeginReply::OverLimit { over_limit });
            }
            reserved => reserved,
        };
        Ok(BeginReply::Started {
            reserved,
            chat: Box::new(chat),
            user_message: question_json(self.connection, self.session, question, edited)?,
            message: self.message_json(Some(answer))?,
            has_queue: has_queue(self.connection, self.chat, self.user)?,
            lease_ms: LEASE_MICROS / 1000,
            checkpoint: None,
            definitions: None,
            calls: None,
            history: history(self.connection, self.chat, self.user, question, edited)?,
        })
    }

    /// `private.reserve_or_raise`; none without a limit, or if there is not enough.
    pub(super) fn reserve(
        &self,
        answer: &Message,
        counts: TokenCounts<'_>,
    ) -> Result<Option<Reserved>, RestError> {
        let select = "select coalesce(usage ->> 'input_tokens', 0), model from messages \
                      where rowid = ?";
        let stored = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
        let (tokens, model): (i64, Option<String>) =
            self.connection.query_row(select, [answer.rowid], stored)?;
        let run = (Some(self.user), self.run_id.as_deref());
        let mut reserved = None;
        if counts.has_limit() {
            reserved = reserve_for_answer(self.connection, self.session, run, counts, tokens)?;
            if reserved.is_none() {
                return Ok(None);
            }
        }
        let input = tokens + counts.number("input_tokens")?.unwrap_or(0);
        let mut log = json!({ "operation": "chat", "model": model, "chat_id": answer.chat_id,
            "message_id": answer.id });
        for (name, value) in counts.run_log(input)? {
            log[name] = value;
        }
        open_run(self.connection, self.session, run, &log, counts.server().as_deref())?;
        Ok(reserved)
    }
}
