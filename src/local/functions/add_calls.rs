//! Calls with which an answer begins to wait.

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, named_params};
use serde_json::{Map, Value as Json};
use uuid::Uuid;

use super::acting_user::require_caller;
use super::message_row::Message;
use crate::local_supabase::functions::value::{self, jsonb};
use crate::local_supabase::functions::{RestError, Session};
use crate::local_supabase::schema::PgType;

/// The members of a call that have to be there.
const REQUIRED: [&str; 4] = ["call_id", "source", "tool", "arguments"];

/// A call, as `jsonb_to_recordset` reads it.
struct Given<'a> {
    call: &'a Map<String, Json>,
    now: i64,
}

impl Given<'_> {
    fn member(&self, name: &str) -> Option<&Json> {
        self.call.get(name).filter(|value| !value.is_null())
    }

    fn parsed(&self, name: &str, pg_type: PgType) -> Result<Option<Value>, RestError> {
        let text = self.member(name).and_then(jsonb::to_text);
        text.map(|text| value::parse(pg_type, &text, self.now)).transpose()
    }

    fn text(&self, name: &str) -> Option<String> {
        self.member(name).and_then(jsonb::to_text)
    }

    fn json(&self, name: &str) -> Option<String> {
        self.member(name).map(jsonb::print)
    }

    fn flag(&self, name: &str) -> Result<Value, RestError> {
        Ok(self.parsed(name, PgType::Boolean)?.unwrap_or(Value::Integer(0)))
    }
}

/// `private.add_tool_calls`
pub(super) fn add_tool_calls(
    connection: &Connection,
    session: Session,
    message: &Message,
    calls: Option<&Json>,
) -> Result<(), RestError> {
    require_caller(session, Some(&message.user_id))?;
    let calls = match calls {
        None => return Ok(()),
        Some(Json::Array(calls)) => calls,
        Some(_) => {
            let detail = "cannot call jsonb_to_recordset on a non-array";
            return Err(RestError::sql("22023", detail));
        }
    };
    for call in calls {
        let Json::Object(call) = call else {
            let detail = "argument of jsonb_to_recordset must be an array of objects";
            return Err(RestError::sql("22023", detail));
        };
        add(connection, message, &Given { call, now: session.now })?;
    }
    Ok(())
}

fn add(connection: &Connection, message: &Message, given: &Given<'_>) -> Result<(), RestError> {
    let id = given.parsed("id", PgType::Uuid)?;
    let id = id.unwrap_or_else(|| Value::Text(Uuid::new_v4().to_string()));
    let expires_in_s = given.parsed("expires_in_s", PgType::Integer)?;
    let flags = ["is_repeatable", "may_edit", "may_remember"].map(|name| given.flag(name));
    let [is_repeatable, may_edit, may_remember] = flags;
    if let Some(missing) = REQUIRED.into_iter().find(|name| given.member(name).is_none()) {
        return Err(RestError::not_null("tool_calls", missing));
    }
    let insert = "insert into \"private.tool_calls\" (id, user_id, chat_id, message_id, call_id, \
        message_parts, source, tool, definition, definition_digest, arguments, state, expires_at, \
        created_at, source_tool, title, target, policy, policy_reason, redact, arguments_digest, \
        is_repeatable, may_edit, may_remember, seal, binds_id) \
        select :id, user_id, chat_id, id, :call_id, json_array_length(parts), :source, :tool, \
        :definition, :definition_digest, :arguments, iif(:policy is null, 'waiting', 'pending'), \
        clock_timestamp() + 1000000 * min(max(coalesce(:expires_in_s, 1), 1), 2592000), \
        clock_timestamp(), :source_tool, :title, :target, :policy, :policy_reason, :redact, \
        :arguments_digest, :is_repeatable, :may_edit, :may_remember, :seal, true \
        from messages where rowid = :rowid \
        on conflict (message_id, call_id) do nothing";
    let row = named_params! {
        ":id": id,
        ":call_id": given.text("call_id"),
        ":source": given.text("source"),
        ":tool": given.text("tool"),
        ":definition": given.json("definition"),
        ":definition_digest": given.text("definition_digest"),
        ":arguments": given.json("arguments"),
        ":expires_in_s": expires_in_s,
        ":source_tool": given.text("source_tool"),
        ":title": given.text("title"),
        ":target": given.text("target"),
        ":policy": given.text("policy"),
        ":policy_reason": given.text("policy_reason"),
        ":redact": given.json("redact"),
        ":arguments_digest": given.text("arguments_digest"),
        ":is_repeatable": is_repeatable?,
        ":may_edit": may_edit?,
        ":may_remember": may_remember?,
        ":seal": given.text("seal"),
        ":rowid": message.rowid,
    };
    let taken = "select 1 from \"private.tool_calls\" \
                 where id = ?1 and not (message_id = ?2 and call_id = ?3)";
    let key = (&id, &message.id, given.text("call_id"));
    if connection.prepare_cached(taken)?.query_row(key, |_| Ok(())).optional()?.is_some() {
        return Err(RestError::unique("tool_calls_pkey"));
    }
    connection.prepare_cached(insert)?.execute(row)?;
    Ok(())
}
