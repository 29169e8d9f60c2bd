//! Answers whose runs were not heard of again: `private.end_lapsed` and `private.count_lapsed`.

use rusqlite::{Connection, OptionalExtension, Row};
use serde_json::{Map, Value as Json, json};

use super::acting_user::{acting_user, require_caller};
use super::message_row::{Message, change};
use super::saved_answer::end_with_saved;
use super::usage::{Usage, record_usage, settle_reservation};
use crate::local_supabase::Role;
use crate::local_supabase::functions::value::jsonb;
use crate::local_supabase::functions::{Arguments, RestError, Session};

/// A streaming message whose lease has lapsed.
struct Lapsed {
    rowid: i64,
    id: String,
    run_id: Option<String>,
    model: Option<String>,
    usage: Option<String>,
    cost_usd: Option<f64>,
    metadata: String,
}

/// Ends the chat's streaming message if its lease has lapsed; its usage is the last estimate that
/// was saved with it.
pub(super) fn end_lapsed(
    connection: &Connection,
    session: Session,
    chat: &str,
    user: &str,
) -> Result<(), RestError> {
    let Some(lapsed) = find_lapsed(connection, chat, user)? else { return Ok(()) };
    end_with_saved(connection, session, lapsed.rowid, "interrupted")?;
    let Some(run_id) = &lapsed.run_id else { return Ok(()) };
    let usage = Usage {
        user: Some(user),
        run_id: Some(run_id),
        chat: Some(chat),
        message: Some(&lapsed.id),
        log: &lapsed.log(),
    };
    record_lapsed_usage(connection, session, &usage)
}

/// `private.record_lapsed_usage`: as the run has reported it, and without such a report as it was last
/// saved with its message, which users can change. Nothing while the run's reservation lasts.
fn record_lapsed_usage(
    connection: &Connection,
    session: Session,
    usage: &Usage<'_>,
) -> Result<(), RestError> {
    let select = "select run_id, user_id, used_tokens, log, lease_expires_at \
                  from \"private.token_reservations\" where run_id = ? and user_id = ?";
    let mut statement = connection.prepare_cached(select)?;
    let run = statement.query_row((usage.run_id, usage.user), Run::read).optional()?;
    let is_live: bool = match &run {
        Some(run) => connection
            .prepare_cached("select ? >= clock_timestamp()")?
            .query_row([run.lease_expires_at], |row| row.get(0))?,
        None => false,
    };
    if is_live {
        return Ok(());
    }
    match &run {
        Some(run) if run.log.is_some() => run.record(connection, session)?,
        _ => {
            let used = run.map_or(0, |run| run.used_tokens);
            let log = with_input(usage.log.clone(), used);
            record_usage(connection, session, &Usage { log: &log, ..*usage })?;
        }
    }
    settle_reservation(connection, session, (usage.user, usage.run_id))
}

/// A log that counts no less than what the run has reported as used.
fn with_input(mut log: Map<String, Json>, used: i64) -> Map<String, Json> {
    let number = |key| log.get(key).and_then(Json::as_i64).unwrap_or(0);
    let input = number("input_tokens").max(used.saturating_sub(number("output_tokens")));
    log.insert("input_tokens".to_owned(), json!(input));
    log
}

/// A row of `private.token_reservations`.
struct Run {
    run_id: String,
    user: String,
    used_tokens: i64,
    log: Option<String>,
    lease_expires_at: i64,
}

impl Run {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            run_id: row.get(0)?,
            user: row.get(1)?,
            used_tokens: row.get(2)?,
            log: row.get(3)?,
            lease_expires_at: row.get(4)?,
        })
    }

    /// `private.end_lapsed_row`: ends the row of the run, so that its text outlives the run.
    fn end_row(&self, connection: &Connection, session: Session) -> Result<(), RestError> {
        let lapsed = "where run_id = ? and user_id = ? and status = 'streaming' \
                      and lease_expires_at < clock_timestamp()";
        let Some(message) = Message::find(connection, lapsed, (&self.run_id, &self.user))? else {
            return Ok(());
        };
        let session = session.as_service();
        end_with_saved(connection, session, message.rowid, "interrupted")
    }

    /// `private.record_lapsed_run`. What cannot be recorded, because somebody has called the functions
    /// with nonsense, is passed over.
    fn record(&self, connection: &Connection, session: Session) -> Result<(), RestError> {
        connection.execute_batch("savepoint lapsed")?;
        if self.try_to_record(connection, session).is_err() {
            connection.execute_batch("rollback to lapsed")?;
        }
        connection.execute_batch("release lapsed")?;
        Ok(())
    }

    fn try_to_record(&self, connection: &Connection, session: Session) -> Result<(), RestError> {
        let known = match self.log.as_deref().map(serde_json::from_str) {
            Some(Ok(Json::Object(log))) => log,
            _ => Map::new(),
        };
        let mut log = Map::new();
        let unknown = [("operation", "chat"), ("provider", "unknown"), ("model", "unknown")];
        log.extend(unknown.map(|(name, value)| (name.to_owned(), json!(value))));
        log.extend(known.into_iter().filter(|(_, value)| !value.is_null()));
        let mut log = with_input(log, self.used_tokens);
        let ended = [
            ("usage_source", "estimated"),
            ("status", "interrupted"),
            ("error_code", "interrupted"),
        ];
        log.extend(ended.map(|(name, value)| (name.to_owned(), json!(value))));
        let id = |name: &str| log.get(name).and_then(jsonb::to_text);
        let (chat, message) = (id("chat_id"), id("message_id"));
        let usage = Usage {
            user: Some(&self.user),
            run_id: Some(&self.run_id),
            chat: chat.as_deref(),
            message: message.as_deref(),
            log: &log,
        };
        record_usage(connection, session, &usage)?;
        // It was used then, whenever it is counted.
        let update = "update usage_logs set created_at = min(created_at, ?) \
                      where id = ? and user_id = ? and usage_source = 'estimated'";
        let values = (self.lease_expires_at, &self.run_id, &self.user);
        connection.prepare_cached(update)?.execute(values)?;
        Ok(())
    }
}

/// `private.count_lapsed`: records the usage of a user's lapsed runs, of everybody's for the service role
/// without a user.
pub(super) fn count_lapsed(
    connection: &Connection,
    session: Session,
    user: Option<&str>,
) -> Result<usize, RestError> {
    if user.is_some() || session.role != Role::Service {
        require_caller(session, user)?;
    }
    let select = "select run_id, user_id, used_tokens, log, lease_expires_at \
                  from \"private.token_reservations\" where lease_expires_at < clock_timestamp() \
                  and (?1 is null or user_id = ?1) order by lease_expires_at limit 100";
    let runs: Vec<Run> = {
        let mut statement = connection.prepare_cached(select)?;
        statement.query_map([user], Run::read)?.collect::<Result<_, _>>()?
    };
    for run in &runs {
        run.end_row(connection, session)?;
        let delete = "delete from \"private.token_reservations\" where run_id = ?";
        connection.prepare_cached(delete)?.execute([&run.run_id])?;
        run.record(connection, session)?;
    }
    Ok(runs.len())
}

/// Records the usage of the caller's lapsed runs; how many there were.
pub(super) fn count_lapsed_usage(
    connection: &Connection,
    session: Session,
    arguments: &Arguments,
) -> Result<String, RestError> {
    let user = acting_user(session, arguments);
    Ok(count_lapsed(connection, session, user.as_deref())?.to_string())
}

/// Ends the leases of a server that has just started: it works on nothing yet. How many there were.
pub(super) fn release_leases(
    connection: &Connection,
    session: Session,
    arguments: &Arguments,
) -> Result<String, RestError> {
    if session.role != Role::Service {
        return Err(RestError::permission_denied("function", "release_leases"));
    }
    let server = arguments.text("p_server");
    let messages = "update messages set lease_expires_at = clock_timestamp() - 1000 \
                    where status = 'streaming' and run_id in \
                    (select run_id from \"private.token_reservations\" where server = ?)";
    change(connection, session, messages, [server])?;
    let runs = "update \"private.token_reservations\" \
                set lease_expires_at = min(lease_expires_at, clock_timestamp() - 1000) \
                where server = ?";
    Ok(connection.prepare_cached(runs)?.execute([server])?.to_string())
}

impl Lapsed {
    fn log(&self) -> Map<String, Json> {
        let object = |text: &str| match serde_json::from_str(text) {
            Ok(Json::Object(object)) => object,
            _ => Map::new(),
        };
        let provider = object(&self.metadata).get("provider").and_then(jsonb::to_text);
        let unknown = || "unknown".to_owned();
        let known = [
            ("operation", json!("chat")),
            ("provider", json!(provider.unwrap_or_else(unknown))),
            ("model", json!(self.model.clone().unwrap_or_else(unknown))),
            ("cost_usd", json!(self.cost_usd)),
            ("usage_source", json!("estimated")),
            ("status", json!("interrupted")),
            ("error_code", json!("interrupted")),
        ];
        let mut log = self.usage.as_deref().map(object).unwrap_or_default();
        log.extend(known.map(|(name, value)| (name.to_owned(), value)));
        log
    }
}

fn find_lapsed(
    connection: &Connection,
    chat: &str,
    user: &str,
) -> rusqlite::Result<Option<Lapsed>> {
    let select = "select rowid, id, run_id, model, usage, cost_usd, metadata from messages \
                  where chat_id = ? and user_id = ? and status = 'streaming' \
                  and lease_expires_at < clock_timestamp() \
                  and not exists (select 1 from \"private.token_reservations\" r \
                      where r.run_id = messages.run_id and r.user_id = messages.user_id \
                      and r.lease_expires_at >= clock_timestamp())";
    let mut statement = connection.prepare_cached(select)?;
    let lapsed = statement.query_row((chat, user), |row| {
        Ok(Lapsed {
            rowid: row.get(0)?,
            id: row.get(1)?,
            run_id: row.get(2)?,
            model: row.get(3)?,
            usage: row.get(4)?,
            cost_usd: row.get(5)?,
            metadata: row.get(6)?,
        })
    });
    lapsed.optional()
}
