//! Decisions about calls that wait for a person.

use rusqlite::types::Value;
use rusqlite::{Connection, params};
use serde_json::{Value as Json, json};

use super::acting_user::acting_user;
use super::call_outcomes::store_outcomes;
use super::call_row::Call;
use super::message_row::{Message, to_jsonb};
use super::tool_calls::CallSummary;
use crate::local_supabase::functions::value::jsonb;
use crate::local_supabase::functions::{Arguments, RestError, Session};

/// What a page of calls may have, in bytes of arguments.
const MAX_PAGE: usize = 8_388_608;

/// `private.id_of_call` and `private.read_call`
fn find_call(
    connection: &Connection,
    user: &str,
    arguments: &Arguments,
) -> Result<Option<Call>, RestError> {
    let newest = "where c.chat_id = ?1 and c.user_id = ?2 and (c.call_id = ?3 or c.id = ?3) \
                  order by c.created_at desc, c.id desc limit 1";
    Call::find(connection, newest, (arguments.text("p_chat_id"), user, arguments.text("p_call")))
}

/// The call with this approval's or call's id.
pub(super) fn find_tool_call(
    connection: &Connection,
    session: Session,
    arguments: &Arguments,
) -> Result<String, RestError> {
    let Some(user) = acting_user(session, arguments) else { return Ok("null".to_owned()) };
    to_jsonb(&find_call(connection, &user, arguments)?.map(|call| call.to_json()))
}

/// What waits for the user's decision, the oldest first.
pub(super) fn pending_tool_calls(
    connection: &Connection,
    session: Session,
    arguments: &Arguments,
) -> Result<String, RestError> {
    let Some(user) = acting_user(session, arguments) else { return Ok("[]".to_owned()) };
    let limit = match arguments.value("p_limit") {
        Value::Null => 50,
        _ => arguments.integer("p_limit").unwrap_or(50).clamp(1, 201),
    };
    let pending = "join messages m on m.id = c.message_id and m.user_id = c.user_id \
        where c.user_id = ?1 and c.state = 'pending' and c.expires_at >= clock_timestamp() \
        and m.status = 'awaiting' and m.is_active and m.parent_id is not null \
        and (not exists (select 1 from \"private.tool_calls\" where id = ?2 and user_id = ?1) \
            or (c.created_at, c.id) > (select created_at, id from \"private.tool_calls\" \
                where id = ?2 and user_id = ?1)) \
        order by c.created_at, c.id limit ?3";
    let calls = Call::all(connection, pending, (&user, arguments.text("p_after"), limit))?;
    let mut bytes = 0;
    let fitting = calls.iter().take_while(|call| {
        bytes += jsonb::print(&call.arguments).len();
        bytes <= MAX_PAGE
    });
    to_jsonb(&fitting.map(Call::to_json).collect::<Vec<_>>())
}

/// A decision, as it is made.
struct Decision<'a> {
    approved: bool,
    reason: Option<&'a str>,
    digest: Option<&'a str>,
    edit: Option<Json>,
    grant_seal: Option<&'a str>,
}

impl Decision<'_> {
    fn edited(&self, name: &str) -> Option<String> {
        self.edit.as_ref()?.get(name).and_then(jsonb::to_text)
    }

    /// `private.record_decision`
    fn record(&self, connection: &Connection, call: &Call) -> Result<&'static str, RestError> {
        if call.policy.is_none() {
            return Ok("unknown");
        }
        let digest = call.arguments_digest.as_deref();
        let answer = match call.current_state() {
            "expired" => return Ok("expired"),
            "superseded" if call.approved != Some(self.approved) => return Ok("superseded"),
            "pending" if self.digest.is_some_and(|seen| digest != Some(seen)) => {
                return Ok("arguments_changed");
            }
            "pending" if self.edit.is_some() && !(call.may_edit && self.approved) => {
                return Ok("not_editable");
            }
            "pending" => {
                self.store(connection, call)?;
                "recorded"
            }
            _ if !self.is_same(call) => return Ok("decided"),
            _ => "same",
        };
        self.remember(connection, call)?;
        Ok(answer)
    }

    /// Whether it says nothing else than the decision that counts.
    fn is_same(&self, call: &Call) -> bool {
        let digest = call.arguments_digest.as_deref();
        let edited = self.edit.as_ref().map(|_| self.edited("arguments_digest"));
        // Rows from before do not say what was changed.
        let changed = if call.is_edited { call.edited_from_digest.as_deref() } else { digest };
        let has_seen = match (&edited, self.digest, changed) {
            (_, None, _) | (Some(_), _, None) => true,
            (Some(_), Some(seen), Some(changed)) => seen == changed,
            (None, Some(seen), _) => digest == Some(seen),
        };
        call.approved == Some(self.approved)
            && has_seen
            && edited.is_none_or(|edited| edited.as_deref() == digest)
    }

    fn store(&self, connection: &Connection, call: &Call) -> Result<(), RestError> {
        let update = "update \"private.tool_calls\" set state = ?1, approved = ?2, \
            decided_at = clock_timestamp(), decided_by = user_id, reason = ?3, outcome = ?4, \
            edited_from = iif(?5, arguments, null), \
            edited_from_digest = iif(?5, arguments_digest, null), arguments = coalesce(?6, arguments), \
            arguments_digest = coalesce(?7, arguments_digest), seal = iif(?5, ?8, seal) \
            where id = ?9";
        let arguments = self.edit.as_ref().and_then(|edit| edit.get("arguments"));
        let denied = (!self.approved).then(|| jsonb::print(&json!({ "denied": self.reason })));
        let values = params![
            if self.approved { "approved" } else { "denied" },
            self.approved,
            self.reason,
            denied,
            self.edit.is_some(),
            arguments.map(jsonb::print),
            self.edited("arguments_digest"),
            self.edited("seal"),
            call.id
        ];
        connection.prepare_cached(update)?.execute(values)?;
        Ok(())
    }

    fn remember(&self, connection: &Connection, call: &Call) -> Result<(), RestError> {
        let Some(seal) = self.grant_seal.filter(|_| self.approved && call.may_remember) else {
            return Ok(());
        };
        let grant = "insert into \"private.tool_grants\" \
            (user_id, chat_id, source, tool, definition_digest, seal, created_at) \
            select user_id, chat_id, source, coalesce(source_tool, tool), \
            coalesce(definition_digest, ''), ?, clock_timestamp() \
            from \"private.tool_calls\" where id = ? \
            on conflict (chat_id, user_id, source, tool, definition_digest) \
            do update set seal = excluded.seal";
        connection.prepare_cached(grant)?.execute((seal, &call.id))?;
        Ok(())
    }
}

/// Approves or denies a call; the first decision counts.
pub(super) fn decide_tool_call(
    connection: &Connection,
    session: Session,
    arguments: &Arguments,
) -> Result<String, RestError> {
    let nothing = || Ok("null".to_owned());
    let Some(user) = acting_user(session, arguments) else { return nothing() };
    let Some(call) = find_call(connection, &user, arguments)? else { return nothing() };
    let by_id = "where id = ? and chat_id = ? and user_id = ?";
    let key = (&call.message_id, &call.chat_id, &user);
    let Some(message) = Message::find(connection, by_id, key)? else { return nothing() };
    let decision = Decision {
        approved: arguments.value("p_approved") == Value::Integer(1),
        reason: arguments.text("p_reason"),
        digest: arguments.text("p_digest"),
        edit: arguments.json("p_edit"),
        grant_seal: arguments.text("p_grant_seal"),
    };
    let answer = decision.record(connection, &call)?;
    if message.status == "awaiting" {
        store_outcomes(connection, session, &message, "awaiting")?;
    }
    let call = find_call(connection, &user, arguments)?.unwrap_or(call);
    let summary = CallSummary::find(connection, &user, &message.id)?.unwrap_or_default();
    to_jsonb(&json!({ "answer": answer, "state": call.current_state(), "approved": call.approved,
        "message_id": message.id, "remaining": summary.remaining,
        "message_parts": summary.message_parts }))
}

/// What the user has allowed for the rest of a chat.
pub(super) fn tool_grants(
    connection: &Connection,
    session: Session,
    arguments: &Arguments,
) -> Result<String, RestError> {
    let Some(user) = acting_user(session, arguments) else { return Ok("[]".to_owned()) };
    let select = "select source, tool, definition_digest, seal from ( \
                  select * from \"private.tool_grants\" where chat_id = ? and user_id = ? \
                  order by created_at desc limit 1000) order by source, tool, definition_digest";
    let mut statement = connection.prepare_cached(select)?;
    let grants = statement.query_map((arguments.text("p_chat_id"), &user), |row| {
        let text = |index| row.get::<_, String>(index);
        Ok(json!({ "source": text(0)?, "tool": text(1)?, "definition_digest": text(2)?,
            "seal": text(3)? }))
    })?;
    to_jsonb(&grants.collect::<Result<Vec<_>, _>>()?)
}
