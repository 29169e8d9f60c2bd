//! What runs reserve of the day's tokens and of budgets: `private.token_reservations` and the functions around it. Writes are
//! one at a time here, so no lock is needed.

use rusqlite::{Connection, OptionalExtension, ffi, params};
use serde::Serialize;
use serde_json::{Value as Json, json};

use super::acting_user::require_caller;
use super::budgets::{Budget, budgets};
use super::decimal_sum::{DecimalSum, integer};
use super::lapsed::count_lapsed;
use super::message_row::LEASE_MICROS;
use super::time_buckets::utc_midnight;
pub(super) use super::token_counts::TokenCounts;
use super::token_counts::clock_timestamp;
use crate::local_supabase::functions::value::{jsonb, timestamptz};
use crate::local_supabase::functions::{RestError, Session};

/// What counts against a limit since 00:00 UTC.
pub(super) struct DailyTokens {
    limit: i64,
    used: i128,
    reserved: i128,
    resets_at: i64,
}

/// A reservation for an answer.
#[derive(Serialize)]
pub(super) struct Reserved {
    tokens: i64,
    output_tokens: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    usd: Option<Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    budgets: Option<Vec<Json>>,
}

/// What a run needs.
#[derive(Default)]
struct Needed {
    /// Besides its output.
    tokens: i64,
    usd: DecimalSum,
    /// As much of it as there is, but not less than the minimum.
    output: i64,
    minimum: i64,
    usd_per_output_token: DecimalSum,
}

impl DailyTokens {
    fn remaining(&self) -> i64 {
        let left = i128::from(self.limit) - self.used - self.reserved;
        i64::try_from(left.max(0)).unwrap_or(i64::MAX)
    }

    pub fn to_json(&self) -> Json {
        json!({
            "limit": self.limit,
            "used": integer(self.used),
            "reserved": integer(self.reserved),
            "remaining": self.remaining(),
            "resets_at": timestamptz::to_json(self.resets_at),
        })
    }
}

/// `private.daily_tokens`
pub(super) fn daily_tokens(
    connection: &Connection,
    user: &str,
    limit: i64,
    except: Option<&str>,
) -> Result<DailyTokens, RestError> {
    let now = clock_timestamp(connection)?;
    let today = utc_midnight(now);
    let mut tokens = DailyTokens { limit, used: 0, reserved: 0, resets_at: today + 86_400_000_000 };
    let select = "select 0, input_tokens, output_tokens from usage_logs \
                  where user_id = ?1 and created_at >= ?2 \
                  union all \
                  select lease_expires_at >= ?3, used_tokens, \
                      iif(lease_expires_at >= ?3, max(tokens - used_tokens, 0), 0) \
                  from \"private.token_reservations\" \
                  where user_id = ?1 and lease_expires_at >= ?2 and run_id is not ?4";
    let mut statement = connection.prepare_cached(select)?;
    let mut rows = statement.query(params![user, today, now, except])?;
    while let Some(row) = rows.next()? {
        let counted = i128::from(row.get::<_, i64>(1)?) + i128::from(row.get::<_, i64>(2)?);
        let is_reserved: bool = row.get(0)?;
        *(if is_reserved { &mut tokens.reserved } else { &mut tokens.used }) += counted;
    }
    Ok(tokens)
}

/// `private.reserve_run`
fn reserve_run(
    connection: &Connection,
    session: Session,
    (user, run_id): (Option<&str>, Option<&str>),
    reserve: TokenCounts<'_>,
    needed: &Needed,
) -> Result<Option<Reserved>, RestError> {
    let user = require_caller(session, user)?;
    count_lapsed(connection, session, Some(user))?;
    let now = clock_timestamp(connection)?;
    let budgets = budgets(connection, user, reserve.0.get("budgets"), run_id)?;
    let left = budgets.iter().flatten().map(Budget::remaining).min();
    let mut output = needed.output;
    if let Some(limit) = reserve.number("limit")? {
        let remaining = daily_tokens(connection, user, limit, run_id)?.remaining();
        output = output.min(remaining.saturating_sub(needed.tokens));
    }
    let affordable =
        left.and_then(|left| left.minus(needed.usd).count_of(needed.usd_per_output_token));
    output = output.min(affordable.unwrap_or(i64::MAX));
    if output < needed.minimum || left.is_some_and(|left| left < needed.usd) {
        return Ok(None);
    }
    let tokens = checked_sum(needed.tokens, output)?;
    let usd = needed.usd.plus(needed.usd_per_output_token.times(output));
    let upsert = "insert into \"private.token_reservations\" \
                  (run_id, user_id, tokens, usd, lease_expires_at) \
                  values (?, ?, ?, ?, ?) on conflict (run_id) do update \
                  set tokens = excluded.tokens, usd = excluded.usd, \
                  lease_expires_at = excluded.lease_expires_at \
                  where \"private.token_reservations\".user_id = excluded.user_id";
    let row = params![run_id, user, tokens.max(0), usd.as_f64(), now + LEASE_MICROS];
    connection.prepare_cached(upsert)?.execute(row).map_err(map_user_error)?;
    Ok(Some(Reserved {
        tokens,
        output_tokens: output,
        usd: budgets.is_some().then(|| usd.to_json()),
        budgets: budgets.map(|budgets| budgets.iter().map(Budget::to_json).collect()),
    }))
}

/// The only row that a reservation refers to is its user's.
fn map_user_error(error: rusqlite::Error) -> RestError {
    match error.sqlite_error().map(|failure| failure.extended_code) {
        Some(ffi::SQLITE_CONSTRAINT_FOREIGNKEY) => {
            RestError::foreign_key("token_reservations", "token_reservations_user_id_fkey")
        }
        _ => error.into(),
    }
}

/// `private.reserve_for_answer`
pub(super) fn reserve_for_answer(
    connection: &Connection,
    session: Session,
    run: (Option<&str>, Option<&str>),
    counts: TokenCounts<'_>,
    history_tokens: i64,
) -> Result<Option<Reserved>, RestError> {
    let sent = history_tokens
        .saturating_add(counts.number("input_tokens")?.unwrap_or(0))
        .saturating_add(counts.number("overhead_tokens")?.unwrap_or(0));
    let window = counts.number("max_input_tokens")?.unwrap_or(i64::MAX);
    let tokens = sent.min(window).max(0);
    let output = counts.number("output_tokens")?.unwrap_or(0).max(0);
    checked_sum(tokens, output)?;
    let input_price = counts.decimal("usd_per_input_token")?.unwrap_or_default();
    let needed = Needed {
        tokens,
        usd: input_price.times(sent.saturating_mul(4).saturating_add(4).min(window).max(0)),
        output,
        minimum: output.min(counts.number("min_output_tokens")?.unwrap_or(output)),
        usd_per_output_token: counts.decimal("usd_per_output_token")?.unwrap_or_default(),
    };
    reserve_run(connection, session, run, counts, &needed)
}

/// `private.open_run`
pub(super) fn open_run(
    connection: &Connection,
    session: Session,
    (user, run_id): (Option<&str>, Option<&str>),
    log: &Json,
    server: Option<&str>,
) -> Result<(), RestError> {
    let user = require_caller(session, user)?;
    let used = TokenCounts(log).number("input_tokens")?.unwrap_or(0).max(0);
    let insert = "insert into \"private.token_reservations\" \
                  (run_id, user_id, tokens, used_tokens, log, server, lease_expires_at) \
                  values (?, ?, 0, ?, ?, ?, clock_timestamp() + ?) on conflict (run_id) do update \
                  set used_tokens = max(used_tokens, excluded.used_tokens), \
                  log = coalesce(log, excluded.log), server = excluded.server \
                  where \"private.token_reservations\".user_id = excluded.user_id";
    let row = params![run_id, user, used, jsonb::print(log), server, LEASE_MICROS];
    connection.prepare_cached(insert)?.execute(row).map_err(map_user_error)?;
    Ok(())
}

fn checked_sum(a: i64, b: i64) -> Result<i64, RestError> {
    a.checked_add(b).ok_or_else(|| RestError::sql("22003", "bigint out of range"))
}

/// `private.renew_reservation`
pub(super) fn renew_reservation(
    connection: &Connection,
    session: Session,
    run: (Option<&str>, Option<&str>),
    report: Option<&Json>,
    reserve: Option<&Json>,
) -> Result<bool, RestError> {
    let user = require_caller(session, run.0)?;
    if let Some(reserve) = reserve
        && !reserve_more(connection, session, (user, run.1), reserve)?
    {
        return Ok(false);
    }
    let (used, log) = self::report(connection, (user, run.1), report)?;
    let update = "update \"private.token_reservations\" set used_tokens = max(used_tokens, ?), log = ?, \
                  lease_expires_at = clock_timestamp() + ? where run_id = ? and user_id = ?";
    connection.prepare_cached(update)?.execute(params![used, log, LEASE_MICROS, run.1, user])?;
    Ok(true)
}

/// Reserves for a run what it needs in all from here on; false if there is not enough left.
pub(super) fn reserve_more(
    connection: &Connection,
    session: Session,
    (user, run_id): (&str, Option<&str>),
    reserve: &Json,
) -> Result<bool, RestError> {
    let reserve = TokenCounts(reserve);
    let needed = Needed {
        tokens: reserve.number("tokens")?.unwrap_or(0).max(0),
        usd: reserve.decimal("usd")?.unwrap_or_default(),
        ..Needed::default()
    };
    let run = (Some(user), run_id);
    Ok(reserve_run(connection, session, run, reserve, &needed)?.is_some())
}

/// How many tokens a run reports as used, and its log with what it reports.
pub(super) fn report(
    connection: &Connection,
    (user, run_id): (&str, Option<&str>),
    report: Option<&Json>,
) -> Result<(i64, Option<String>), RestError> {
    let used = report.map(TokenCounts);
    let number = |key| used.as_ref().map_or(Ok(None), |used| used.number(key));
    let used =
        checked_sum(number("input_tokens")?.unwrap_or(0), number("output_tokens")?.unwrap_or(0))?;
    Ok((used, logged(connection, user, run_id, report)?))
}

/// What is known of a run's usage, with what it reports now.
fn logged(
    connection: &Connection,
    user: &str,
    run_id: Option<&str>,
    report: Option<&Json>,
) -> Result<Option<String>, RestError> {
    let select = "select log from \"private.token_reservations\" where run_id = ? and user_id = ?";
    let mut statement = connection.prepare_cached(select)?;
    let log = statement.query_row((run_id, user), |row| row.get::<_, Option<String>>(0));
    let Some(log) = log.optional()?.flatten() else { return Ok(None) };
    let Ok(Json::Object(mut log)) = serde_json::from_str(&log) else { return Ok(Some(log)) };
    if let Some(Json::Object(report)) = report {
        log.extend(report.clone());
    }
    Ok(Some(jsonb::print(&Json::Object(log))))
}

/// `private.over_limit`
pub(super) fn over_limit(
    connection: &Connection,
    user: &str,
    reserve: &Json,
) -> Result<Json, RestError> {
    let counts = TokenCounts(reserve);
    let limit = counts.number("limit")?;
    let day = daily_tokens(connection, user, limit.unwrap_or(0), None)?;
    let now = clock_timestamp(connection)?;
    let mut refusal = day.to_json();
    refusal["retry_after_s"] = json!((day.resets_at - now + 999_999) / 1_000_000);
    let number = |key| Ok::<_, RestError>(counts.number(key)?.unwrap_or(0));
    let needed = match counts.number("tokens")? {
        Some(tokens) => tokens,
        None => {
            let input = number("input_tokens")?.saturating_add(number("overhead_tokens")?);
            input.saturating_add(number("min_output_tokens")?)
        }
    };
    if limit.is_none() || day.remaining() >= needed {
        let budgets = budgets(connection, user, reserve.get("budgets"), None)?;
        if let Some(least) = budgets.iter().flatten().min_by_key(|budget| budget.remaining()) {
            refusal["budget"] = least.refusal(now);
        }
    }
    Ok(refusal)
}
