//! `record_events`.

use std::collections::HashSet;

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, params};
use serde_json::{Value as Json, json};

use super::acting_user::acting_user;
use super::message_row::to_jsonb;
use super::time_buckets::invalid_argument;
use crate::local_supabase::functions::value::{self, jsonb};
use crate::local_supabase::functions::{Arguments, RestError, Session, TableContext};
use crate::local_supabase::schema::PgType;

const MAX_EVENTS: usize = 500;
const MAX_PROPERTIES_BYTES: usize = 32_768;

/// One event: its columns, null where they were not given.
struct Event {
    id: Value,
    name: Value,
    properties: String,
    chat_id: Value,
    session_id: Value,
    occurred_at: Value,
}

/// Stores events and reports on each.
pub(super) fn record_events(
    connection: &Connection,
    session: Session,
    arguments: &Arguments,
) -> Result<String, RestError> {
    let user = acting_user(session, arguments);
    let events = match arguments.json("p_events") {
        Some(Json::Array(events)) if events.len() <= MAX_EVENTS => events,
        _ => return Err(invalid_argument("events must be an array of at most 500")),
    };
    let (mut accepted, mut duplicates, mut errors) = (0, 0, Vec::new());
    let mut seen = HashSet::new();
    for (index, event) in events.iter().enumerate() {
        let event = Event::read(event, session)?;
        let is_first = seen.insert(format!("{:?}", event.id));
        match event.record(connection, session, user.as_deref(), is_first)? {
            "accepted" => accepted += 1,
            "duplicate" => duplicates += 1,
            code => errors.push(json!({ "index": index, "code": code })),
        }
    }
    to_jsonb(&json!({ "accepted": accepted, "duplicates": duplicates, "errors": errors }))
}

impl Event {
    fn read(event: &Json, session: Session) -> Result<Self, RestError> {
        let Json::Object(event) = event else {
            return Err(invalid_argument("cannot call jsonb_to_record on a non-object"));
        };
        let column = |name: &str, pg_type| match event.get(name).and_then(jsonb::to_text) {
            Some(text) => value::parse(pg_type, &text, session.now),
            None => Ok(Value::Null),
        };
        let properties = event.get("properties").filter(|properties| !properties.is_null());
        Ok(Self {
            id: column("id", PgType::Uuid)?,
            name: column("name", PgType::Text)?,
            properties: properties.map_or_else(|| "{}".to_owned(), jsonb::print),
            chat_id: column("chat_id", PgType::Uuid)?,
            session_id: column("session_id", PgType::Text)?,
            occurred_at: column("occurred_at", PgType::Timestamptz)?,
        })
    }

    fn record(
        &self,
        connection: &Connection,
        session: Session,
        user: Option<&str>,
        is_first: bool,
    ) -> Result<&'static str, RestError> {
        if self.chat_id != Value::Null && !self.is_in_own_chat(connection, user)? {
            return Ok("chat_not_found");
        }
        if self.properties.len() > MAX_PROPERTIES_BYTES {
            return Ok("properties_too_large");
        }
        if is_first && self.insert(connection, session, user)? {
            return Ok("accepted");
        }
        let is_same = self.is_stored(connection, user)?;
        Ok(if is_same { "duplicate" } else { "id_conflict" })
    }

    fn is_in_own_chat(
        &self,
        connection: &Connection,
        user: Option<&str>,
    ) -> rusqlite::Result<bool> {
        let select = "select 1 from chats where id = ? and user_id = ?";
        let mut statement = connection.prepare_cached(select)?;
        let found = statement.query_row((&self.chat_id, user), |_| Ok(())).optional()?;
        Ok(found.is_some())
    }

    /// Whether there was no event with this id.
    fn insert(
        &self,
        connection: &Connection,
        session: Session,
        user: Option<&str>,
    ) -> Result<bool, RestError> {
        let table = session.table("analytics")?;
        let target = TableContext { connection, session, table };
        let occurred_at = match &self.occurred_at {
            Value::Null => Value::Integer(target.clock_timestamp()?),
            given => given.clone(),
        };
        let given = [
            ("id", self.id.clone()),
            ("user_id", user.map(str::to_owned).into()),
            ("name", self.name.clone()),
            ("properties", self.properties.clone().into()),
            ("chat_id", self.chat_id.clone()),
            ("session_id", self.session_id.clone()),
            ("occurred_at", occurred_at),
        ];
        let given: Vec<_> = given
            .into_iter()
            .filter_map(|(name, value)| Some((table.column(name)?, value)))
            .collect();
        let row = target.new_row(&given)?;
        Ok(target.insert_row(&row, Some(table.primary_key()))?.is_some())
    }

    /// Whether the caller has stored just this event before.
    fn is_stored(&self, connection: &Connection, user: Option<&str>) -> rusqlite::Result<bool> {
        let select = "select 1 from analytics where id = ? and user_id = ? and name = ? \
                      and properties = ? and chat_id is ? and session_id is ? \
                      and occurred_at = coalesce(?, occurred_at)";
        let mut statement = connection.prepare_cached(select)?;
        let event = params![
            self.id,
            user,
            self.name,
            self.properties,
            self.chat_id,
            self.session_id,
            self.occurred_at
        ];
        Ok(statement.query_row(event, |_| Ok(())).optional()?.is_some())
    }
}
