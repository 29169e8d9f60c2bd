//! Budgets in money: `private.budgets`. Writes are one at a time here, so no lock is needed.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use rusqlite::{Connection, params};
use serde_json::{Value as Json, json};

use super::acting_user::{acting_user, require_caller};
use super::decimal_sum::DecimalSum;
use super::message_row::to_jsonb;
use super::token_counts::{TokenCounts, clock_timestamp};
use crate::local_supabase::functions::value::{jsonb, timestamptz};
use crate::local_supabase::functions::{Arguments, RestError, Session};

/// What counts against a budget.
pub(super) struct Budget {
    period: &'static str,
    limit: DecimalSum,
    used: DecimalSum,
    reserved: DecimalSum,
    resets_at: i64,
}

impl Budget {
    pub fn remaining(&self) -> DecimalSum {
        self.limit.minus(self.used.plus(self.reserved)).max(DecimalSum::default())
    }

    pub fn to_json(&self) -> Json {
        json!({
            "period": self.period,
            "limit_usd": self.limit.to_json(),
            "used_usd": self.used.to_json(),
            "reserved_usd": self.reserved.to_json(),
            "remaining_usd": self.remaining().to_json(),
            "resets_at": timestamptz::to_json(self.resets_at),
        })
    }

    /// The same for one that refuses.
    pub fn refusal(&self, now: i64) -> Json {
        let mut refusal = self.to_json();
        refusal["retry_after_s"] = json!((self.resets_at - now + 999_999) / 1_000_000);
        refusal
    }

    fn add(
        &mut self,
        connection: &Connection,
        user: &str,
        (began, now): (i64, i64),
        except: Option<&str>,
    ) -> Result<(), RestError> {
        let select = "select 0, cost_usd, null from usage_logs \
                      where user_id = ?1 and created_at >= ?2 \
                      union all \
                      select lease_expires_at >= ?3, log ->> '$.cost_usd', \
                          iif(lease_expires_at >= ?3, usd, null) \
                      from \"private.token_reservations\" \
                      where user_id = ?1 and lease_expires_at >= ?2 and run_id is not ?4";
        let mut statement = connection.prepare_cached(select)?;
        let mut rows = statement.query(params![user, began, now, except])?;
        while let Some(row) = rows.next()? {
            let known: Option<f64> = row.get(1)?;
            let usd = known.unwrap_or_default().max(row.get::<_, Option<f64>>(2)?.unwrap_or(0.0));
            let is_reserved: bool = row.get(0)?;
            (if is_reserved { &mut self.reserved } else { &mut self.used }).add(usd);
        }
        Ok(())
    }
}

/// `private.budgets`; none without any.
pub(super) fn budgets(
    connection: &Connection,
    user: &str,
    limits: Option<&Json>,
    except: Option<&str>,
) -> Result<Option<Vec<Budget>>, RestError> {
    let Some(Json::Array(limits)) = limits else { return Ok(None) };
    let now = clock_timestamp(connection)?;
    let mut budgets = Vec::new();
    for limit in limits {
        let period = limit.get("period").and_then(jsonb::to_text);
        let period = match period.as_deref() {
            Some("day") => "day",
            Some("month") => "month",
            _ => continue,
        };
        let limit = TokenCounts(limit).decimal("limit_usd")?.unwrap_or_default();
        let (began, resets_at) =
            bounds(period, now).ok_or_else(|| RestError::sql("22008", "timestamp out of range"))?;
        let (used, reserved) = Default::default();
        let mut budget = Budget { period, limit, used, reserved, resets_at };
        budget.add(connection, user, (began, now), except)?;
        budgets.push(budget);
    }
    Ok(Some(budgets).filter(|budgets| !budgets.is_empty()))
}

/// When the period began that it is now, and when the next one begins, in microseconds.
fn bounds(period: &str, now: i64) -> Option<(i64, i64)> {
    let today = Timestamp::from_microsecond(now).ok()?.to_zoned(TimeZone::UTC).date();
    let (first, next) = match period {
        "day" => (today, today.checked_add(1.day()).ok()?),
        _ => (today.first_of_month(), today.first_of_month().checked_add(1.month()).ok()?),
    };
    let start = |date: Date| Some(date.to_zoned(TimeZone::UTC).ok()?.timestamp().as_microsecond());
    Some((start(first)?, start(next)?))
}

/// The caller's budgets as they are.
pub(super) fn report(
    connection: &Connection,
    session: Session,
    arguments: &Arguments,
) -> Result<String, RestError> {
    let limits = arguments.json("p_budgets").filter(Json::is_array);
    if limits.is_none() {
        return Ok("null".to_owned());
    }
    let user = acting_user(session, arguments);
    let user = require_caller(session, user.as_deref())?;
    let budgets = budgets(connection, user, limits.as_ref(), None)?;
    let budgets: Option<Vec<_>> =
        budgets.map(|budgets| budgets.iter().map(Budget::to_json).collect());
    to_jsonb(&budgets)
}
