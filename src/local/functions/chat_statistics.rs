//! `chat_statistics`.

use rusqlite::{Connection, Params, params};
use serde_json::{Map, Value as Json, json};

use super::acting_user::acting_user;
use super::decimal_sum::whole_or_not;
use super::message_row::to_jsonb;
use super::time_buckets::TimeBuckets;
use super::usage_statistics::TimeRange;
use crate::local_supabase::functions::{Arguments, RestError, Session};

const TOP_MODELS: usize = 10;

/// How many chats and active messages the caller has.
pub(super) fn chat_statistics(
    connection: &Connection,
    session: Session,
    arguments: &Arguments,
) -> Result<String, RestError> {
    let user = acting_user(session, arguments);
    let range = TimeRange::from_arguments(arguments, connection)?;
    let zone = arguments.text_or("p_time_zone", "UTC").unwrap_or_default();
    let days = TimeBuckets::new(range.from, range.to, "day", zone)?;
    // A bound that is not given does not narrow the counts.
    let bounds = params![&user, arguments.integer("p_from"), arguments.integer("p_to")];
    let [chats, archived, bookmarked] = counts(connection, bounds)?;
    let messages = messages(connection, bounds)?;
    let by_day = params![&user, range.from, range.to];
    let chat_days = "select created_at from chats where user_id = ? and created_at >= ? \
                     and created_at < ?";
    let message_days = "select created_at from messages where user_id = ? and created_at >= ? \
                        and created_at < ? and is_active";
    let average = if chats == 0 { 0.0 } else { messages.total as f64 / chats as f64 };
    to_jsonb(&json!({
        "total_chats": chats,
        "active_chats": chats - archived,
        "archived_chats": archived,
        "bookmarked_chats": bookmarked,
        "total_messages": messages.total,
        "messages_by_role": messages.by_role,
        "average_messages_per_chat": whole_or_not(average),
        "chats_by_day": per_day(connection, chat_days, by_day, &days)?,
        "messages_by_day": per_day(connection, message_days, by_day, &days)?,
        "top_models": messages.top_models,
    }))
}

fn counts(connection: &Connection, bounds: impl Params) -> rusqlite::Result<[i64; 3]> {
    let select = "select count(*), count(*) filter (where is_archived), \
                  count(*) filter (where is_bookmarked) from chats \
                  where user_id = ?1 and (?2 is null or created_at >= ?2) \
                  and (?3 is null or created_at < ?3)";
    let mut statement = connection.prepare_cached(select)?;
    statement.query_row(bounds, |row| Ok([row.get(0)?, row.get(1)?, row.get(2)?]))
}

struct Messages {
    total: i64,
    by_role: Map<String, Json>,
    top_models: Vec<Json>,
}

fn messages(connection: &Connection, bounds: impl Params) -> rusqlite::Result<Messages> {
    let select = "select role, model, count(*) as messages from messages \
                  where user_id = ?1 and is_active and (?2 is null or created_at >= ?2) \
                  and (?3 is null or created_at < ?3) \
                  group by role, model order by messages desc, model";
    let mut statement = connection.prepare_cached(select)?;
    let mut rows = statement.query(bounds)?;
    let (mut user, mut assistant, mut system) = (0, 0, 0);
    let mut top_models = Vec::new();
    while let Some(row) = rows.next()? {
        let (role, model): (String, Option<String>) = (row.get(0)?, row.get(1)?);
        let messages: i64 = row.get(2)?;
        match role.as_str() {
            "user" => user += messages,
            "system" => system += messages,
            _ => assistant += messages,
        }
        if let Some(model) = model.filter(|_| role == "assistant" && top_models.len() < TOP_MODELS)
        {
            top_models.push(json!({ "model": model, "messages": messages }));
        }
    }
    let by_role = [("user", user), ("assistant", assistant), ("system", system)];
    Ok(Messages {
        total: user + assistant + system,
        by_role: by_role.map(|(role, count)| (role.to_owned(), json!(count))).into_iter().collect(),
        top_models,
    })
}

/// How many rows were created on each day.
fn per_day(
    connection: &Connection,
    select: &'static str,
    range: impl Params,
    days: &TimeBuckets,
) -> rusqlite::Result<Json> {
    let mut counts = vec![0_i64; days.len()];
    let mut statement = connection.prepare_cached(select)?;
    let mut rows = statement.query(range)?;
    while let Some(row) = rows.next()? {
        counts[days.find(row.get(0)?)] += 1;
    }
    let day = |(label, count): (String, i64)| json!({ "date": &label[..10], "count": count });
    Ok(days.labels().zip(counts).map(day).collect())
}
