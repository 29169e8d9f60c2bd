//! `usage_statistics`.

use std::collections::{BTreeMap, HashMap};

use rusqlite::{Connection, Row, named_params};
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value as Json, json};

use super::accounts::require_operator;
use super::acting_user::acting_user;
use super::decimal_sum::{DecimalSum, integer, percentiles};
use super::message_row::{raw, to_jsonb};
use super::reservations::daily_tokens;
use super::time_buckets::{TimeBuckets, invalid_argument};
use crate::local_supabase::functions::value::timestamptz;
use crate::local_supabase::functions::{Arguments, RestError, Session};

/// Without a beginning, a range is 720 hours long.
const DEFAULT_RANGE: i64 = 720 * 3_600_000_000;
/// Buckets of all groups together.
const MAX_ENTRIES: usize = 10_000;

/// What the statistics cover.
#[derive(Clone, Copy)]
pub(super) struct TimeRange {
    pub from: i64,
    pub to: i64,
}

impl TimeRange {
    pub fn from_arguments(
        arguments: &Arguments,
        connection: &Connection,
    ) -> Result<Self, RestError> {
        let to = match arguments.integer("p_to") {
            Some(to) => to,
            None => connection.query_row("select clock_timestamp()", [], |row| row.get(0))?,
        };
        let from = arguments.integer("p_from").unwrap_or(to.saturating_sub(DEFAULT_RANGE));
        Ok(Self { from, to })
    }
}

/// What the caller has used.
pub(super) fn usage_statistics(
    connection: &Connection,
    session: Session,
    arguments: &Arguments,
) -> Result<String, RestError> {
    let user = acting_user(session, arguments);
    let limit = arguments.integer("p_daily_token_limit");
    let daily_tokens = match (limit, &user) {
        (Some(limit), Some(user)) => daily_tokens(connection, user, limit, None)?.to_json(),
        _ => Json::Null,
    };
    let statistics = statistics(connection, arguments, Users::One(user.as_deref()))?;
    to_jsonb(&OwnStatistics { statistics, daily_tokens })
}

/// What all users have used.
pub(super) fn usage_of_all_users(
    connection: &Connection,
    session: Session,
    arguments: &Arguments,
) -> Result<String, RestError> {
    require_operator(connection, session, arguments.text("p_operator"))?;
    to_jsonb(&statistics(connection, arguments, Users::All)?)
}

/// `private.rounded_ms`
fn rounded_ms(ms: i64) -> i64 {
    match ms {
        ..1_000 => ms,
        1_000..10_000 => ms / 10 * 10,
        10_000..100_000 => ms / 100 * 100,
        100_000..1_000_000 => ms / 1_000 * 1_000,
        _ => ms / 10_000 * 10_000,
    }
}

/// Whose usage.
#[derive(Clone, Copy)]
enum Users<'a> {
    One(Option<&'a str>),
    All,
}

fn statistics<'a>(
    connection: &Connection,
    arguments: &'a Arguments,
    users: Users<'_>,
) -> Result<Statistics<'a>, RestError> {
    let range = TimeRange::from_arguments(arguments, connection)?;
    let interval = arguments.text_or("p_interval", "day").unwrap_or_default();
    let zone = arguments.text_or("p_time_zone", "UTC").unwrap_or_default();
    let group_by = arguments.text_or("p_group_by", "none").unwrap_or_default();
    let group = match (group_by, users) {
        ("none", _) => "''",
        ("user", Users::All) => "user_id",
        ("model" | "provider" | "operation", _) => group_by,
        ("assistant", _) => "coalesce(assistant, '')",
        ("plan", _) => "coalesce(plan, '')",
        (other, _) => return Err(invalid_argument(format!("group \"{other}\" not recognized"))),
    };
    let buckets = TimeBuckets::new(range.from, range.to, interval, zone)?;
    let mut aggregates = aggregate(connection, users, range, group, &buckets)?;
    if matches!(users, Users::All) {
        let times = aggregates.latency.iter_mut().chain(&mut aggregates.first_token);
        times.for_each(|ms| *ms = rounded_ms(*ms));
    }
    let mut groups: Vec<&str> = aggregates.groups.keys().map(String::as_str).collect();
    if group_by == "none" && groups.is_empty() {
        groups.push("");
    }
    if groups.len() * buckets.len() > MAX_ENTRIES {
        return Err(invalid_argument("more than 10000 buckets in all groups"));
    }
    let total = aggregates.cells.values().fold(Usage::default(), |total, usage| total.plus(usage));
    Ok(Statistics {
        from: timestamptz::to_json(range.from),
        to: timestamptz::to_json(range.to),
        interval,
        totals: total.to_json(),
        series: raw(series(&aggregates, &groups, &buckets))?,
        latency_ms: percentiles(aggregates.latency),
        time_to_first_token_ms: percentiles(aggregates.first_token),
    })
}

#[derive(Serialize)]
struct Statistics<'a> {
    from: String,
    to: String,
    interval: &'a str,
    totals: Json,
    series: Box<RawValue>,
    latency_ms: Json,
    time_to_first_token_ms: Json,
}

#[derive(Serialize)]
struct OwnStatistics<'a> {
    #[serde(flatten)]
    statistics: Statistics<'a>,
    daily_tokens: Json,
}

/// Rows, summed up by bucket and group.
#[derive(Default)]
struct Aggregates {
    /// The groups' numbers by their names.
    groups: BTreeMap<String, usize>,
    cells: HashMap<(usize, usize), Usage>,
    latency: Vec<i64>,
    first_token: Vec<i64>,
}

/// The sums of some rows.
#[derive(Clone, Default)]
struct Usage {
    requests: i64,
    errors: i64,
    input: i128,
    output: i128,
    cached: i128,
    reasoning: i128,
    priced: i64,
    cost: DecimalSum,
}

fn aggregate(
    connection: &Connection,
    users: Users<'_>,
    range: TimeRange,
    group: &str,
    buckets: &TimeBuckets,
) -> Result<Aggregates, RestError> {
    let (user, whose) = match users {
        Users::One(user) => (user, "user_id = :user"),
        Users::All => (None, ":user is null"),
    };
    let select = format!(
        "select created_at, {group}, error_code is not null or status = 'failed', input_tokens, \
         output_tokens, cached_input_tokens, reasoning_tokens, cost_usd, latency_ms, \
         time_to_first_token_ms from usage_logs \
         where {whose} and created_at >= :from and created_at < :to"
    );
    let mut statement = connection.prepare_cached(&select)?;
    let params = named_params! { ":user": user, ":from": range.from, ":to": range.to };
    let mut rows = statement.query(params)?;
    let mut aggregates = Aggregates::default();
    while let Some(row) = rows.next()? {
        let number = aggregates.group(row.get_ref(1)?.as_str().unwrap_or_default());
        aggregates.cells.entry((buckets.find(row.get(0)?), number)).or_default().add(row)?;
        aggregates.latency.extend(row.get::<_, Option<i64>>(8)?);
        aggregates.first_token.extend(row.get::<_, Option<i64>>(9)?);
    }
    Ok(aggregates)
}

impl Aggregates {
    fn group(&mut self, name: &str) -> usize {
        if let Some(number) = self.groups.get(name) {
            return *number;
        }
        let number = self.groups.len();
        self.groups.insert(name.to_owned(), number);
        number
    }
}

impl Usage {
    fn add(&mut self, row: &Row<'_>) -> rusqlite::Result<()> {
        let count = |index| row.get::<_, i64>(index).map(i128::from);
        self.requests += 1;
        self.errors += row.get::<_, i64>(2)?;
        self.input += count(3)?;
        self.output += count(4)?;
        self.cached += count(5)?;
        self.reasoning += count(6)?;
        if let Some(cost) = row.get(7)? {
            self.priced += 1;
            self.cost.add(cost);
        }
        Ok(())
    }

    fn plus(&self, other: &Self) -> Self {
        Self {
            requests: self.requests + other.requests,
            errors: self.errors + other.errors,
            input: self.input + other.input,
            output: self.output + other.output,
            cached: self.cached + other.cached,
            reasoning: self.reasoning + other.reasoning,
            priced: self.priced + other.priced,
            cost: self.cost.plus(other.cost),
        }
    }

    /// `private.usage_json`.
    fn to_json(&self) -> Json {
        let is_unknown = self.priced == 0 && self.requests > 0;
        json!({
            "requests": self.requests,
            "errors": self.errors,
            "input_tokens": integer(self.input),
            "output_tokens": integer(self.output),
            "cached_input_tokens": integer(self.cached),
            "reasoning_tokens": integer(self.reasoning),
            "total_tokens": integer(self.input + self.output),
            "cost_usd": if is_unknown { Json::Null } else { self.cost.to_json() },
            "unpriced_requests": self.requests - self.priced,
        })
    }
}

/// Every bucket of every group, empty ones too, as text: there may be a hundred thousand.
fn series(aggregates: &Aggregates, groups: &[&str], buckets: &TimeBuckets) -> String {
    let nothing = Usage::default().to_json().to_string();
    let names: Vec<_> = groups.iter().map(|name| (*name, group_json(name))).collect();
    let mut series = String::from("[");
    for (bucket, label) in buckets.labels().enumerate() {
        for (name, group) in &names {
            let number = aggregates.groups.get(*name).copied().unwrap_or_default();
            let usage =
                aggregates.cells.get(&(bucket, number)).map(|usage| usage.to_json().to_string());
            let usage = usage.as_ref().unwrap_or(&nothing).trim_end_matches('}');
            series.push_str(if series.len() > 1 { "," } else { "" });
            for text in [usage, r#","bucket":""#, &label, r#"","group":"#, group, "}"] {
                series.push_str(text);
            }
        }
    }
    series.push(']');
    series
}

fn group_json(name: &str) -> String {
    if name.is_empty() { Json::Null.to_string() } else { json!(name).to_string() }
}
