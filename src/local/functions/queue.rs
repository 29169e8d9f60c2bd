//! User messages that wait for their turn: `private.queue_message`, `private.end_waiting` and
//! `private.move_queue_behind`.

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, params};
use serde_json::Value as Json;

use super::begin_call::BeginCall;
use super::begin_result::BeginReply;
use super::message_row::{Message, change, is_queued, raw};
use super::question;
use crate::local_supabase::functions::value::jsonb;
use crate::local_supabase::functions::{Arguments, RestError, Session};

/// How many may wait in one chat.
const MAX_QUEUED: i64 = 10;
/// How long what is remembered of a request may be.
const MAX_REQUEST: usize = 262_144;

/// What waits in a chat, in its order.
pub(super) fn queued_messages(
    connection: &Connection,
    session: Session,
    arguments: &Arguments,
) -> Result<String, RestError> {
    let select = "select json_rows(waiting) from ( \
        select json_row('id', q.message_id, 'request', as_json(q.request)) as waiting \
        from \"private.queued_messages\" q join messages m on m.id = q.message_id \
        where q.chat_id = ? and q.user_id = ? and m.is_active order by m.created_at, m.id)";
    let user = session.uid().map(|uid| uid.to_string());
    let key = (arguments.text("p_chat_id"), user);
    let queued: String = connection.prepare_cached(select)?.query_row(key, |row| row.get(0))?;
    raw(queued).map(|queued| queued.get().to_owned())
}

/// Whether anything waits in a chat.
pub(super) fn has_queue(connection: &Connection, chat: &str, user: &str) -> rusqlite::Result<bool> {
    let select = "select exists (select 1 from \"private.queued_messages\" \
                  where chat_id = ? and user_id = ?)";
    connection.prepare_cached(select)?.query_row((chat, user), |row| row.get(0))
}

/// The first message that waits in a chat.
pub(super) fn first_in_queue(
    connection: &Connection,
    chat: &str,
    user: &str,
) -> rusqlite::Result<Option<String>> {
    let select = "select m.id from \"private.queued_messages\" q join messages m on m.id = q.message_id \
                  where q.chat_id = ? and q.user_id = ? and m.is_active \
                  order by m.created_at, m.id limit 1";
    let mut statement = connection.prepare_cached(select)?;
    statement.query_row((chat, user), |row| row.get(0)).optional()
}

/// `private.newest_in_path`: the newest active message that does not wait, but for one.
pub(super) fn newest_in_path(
    connection: &Connection,
    (chat, user): (&str, &str),
    except: Option<&str>,
) -> rusqlite::Result<Option<Message>> {
    let newest = "where chat_id = ?1 and user_id = ?2 and is_active and id is not ?3 \
                  and id not in (select message_id from \"private.queued_messages\" \
                      where chat_id = ?1 and user_id = ?2) \
                  order by created_at desc, id desc limit 1";
    Message::find(connection, newest, (chat, user, except))
}

impl BeginCall<'_> {
    /// Lets the call's message wait for the answer that is being written.
    pub fn queue_message(
        &self,
        known: Option<&Message>,
        running: String,
    ) -> Result<BeginReply, RestError> {
        let message = match known {
            Some(known) if !is_queued(self.connection, known)? => {
                return Ok(BeginReply::Busy { message_id: running });
            }
            Some(known) => known.clone(),
            None => match self.add_to_queue()? {
                Ok(message) => message,
                Err(reply) => return Ok(reply),
            },
        };
        Ok(BeginReply::Queued {
            message_id: running,
            user_message: self.message_json(Some(&message))?,
        })
    }

    fn add_to_queue(&self) -> Result<Result<Message, BeginReply>, RestError> {
        let count = "select count(*) from \"private.queued_messages\" \
                     where chat_id = ? and user_id = ?";
        let mut count = self.connection.prepare_cached(count)?;
        let queued: i64 = count.query_row((self.chat, self.user), |row| row.get(0))?;
        if queued >= MAX_QUEUED {
            return Ok(Err(BeginReply::QueueFull));
        }
        let mut metadata = match question::metadata(self) {
            Some(metadata) => serde_json::from_str(&metadata).unwrap_or_default(),
            None => Json::Object(serde_json::Map::new()),
        };
        match &mut metadata {
            Json::Object(members) => drop(members.insert("queued".to_owned(), true.into())),
            // What `||` makes of it is no object, which the table refuses.
            other => *other = Json::Array(Vec::new()),
        }
        // Later than what waits before it, whatever the clock says.
        let created_at = self.new_time(true)?;
        let given =
            [("metadata", jsonb::print(&metadata).into()), ("created_at", created_at.into())];
        let message = match question::insert(self, given)? {
            Ok(message) => message,
            Err(reply) => return Ok(Err(reply)),
        };
        let request = question::member(self, "queue").filter(|request| request.is_object());
        let request = request.map(jsonb::print).filter(|json| json.len() <= MAX_REQUEST);
        if request.is_none() {
            let message = "new row for relation \"queued_messages\" violates check constraint \
                           \"queued_messages_request_check\"";
            return Err(RestError::sql("23514", message));
        }
        let insert = "insert into \"private.queued_messages\" (message_id, chat_id, user_id, request) \
                      values (?, ?, ?, ?)";
        let values = (&message.id, &message.chat_id, &message.user_id, Value::from(request));
        self.connection.prepare_cached(insert)?.execute(values)?;
        Ok(Ok(message))
    }

    /// A question that has waited follows what was said meanwhile.
    pub fn end_waiting(&self, question: Message) -> Result<Message, RestError> {
        let take = "delete from \"private.queued_messages\" where message_id = ? and user_id = ?";
        let key = (&question.id, &question.user_id);
        if self.connection.prepare_cached(take)?.execute(key)? == 0 {
            return Ok(question);
        }
        let parent = self.newest_in_path(Some(&question.id))?.map(|newest| newest.id);
        let created_at = self.new_time(true)?;
        let update = "update messages set metadata = json_remove(metadata, '$.queued'), \
                      parent_id = ?1, created_at = ?2 where rowid = ?3";
        change(self.connection, self.session, update, (parent, created_at, question.rowid))?;
        let moved = Message::find(self.connection, "where rowid = ?", [question.rowid])?;
        Ok(moved.unwrap_or(question))
    }

    /// The newest message that the call's message would follow.
    pub fn newest_in_path(&self, except: Option<&str>) -> rusqlite::Result<Option<Message>> {
        newest_in_path(self.connection, (self.chat, self.user), except)
    }

    /// What waits comes after what is being written, in lists as well.
    pub fn move_queue_behind(&self, answer: &Message) -> Result<(), RestError> {
        let update = "update messages set created_at = ?3 + w.place from ( \
                          select m.id, row_number() over (order by m.created_at, m.id) as place \
                          from messages m join \"private.queued_messages\" q on q.message_id = m.id \
                          where q.chat_id = ?1 and q.user_id = ?2) w \
                      where messages.id = w.id and messages.chat_id = ?1 and messages.user_id = ?2";
        let values = params![self.chat, self.user, answer.created_at];
        change(self.connection, self.session, update, values)
    }
}
