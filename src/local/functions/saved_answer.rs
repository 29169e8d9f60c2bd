//! What a run has saved of its answer while the message is being written: `private.as_saved`.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, named_params};
use serde_json::value::RawValue;
use serde_json::{Map, Value as Json};

use super::call_outcomes::settle_calls;
use super::message_row::{LEASE_MICROS, change, raw, to_jsonb};
use crate::local_supabase::functions::value::jsonb;
use crate::local_supabase::functions::{RestError, Session};

/// What takes the place of what the row says.
#[derive(Default)]
pub(super) struct SavedAnswer {
    /// The parts and their text, unless the row has its own.
    text: Option<(Json, String)>,
    model: Option<String>,
    metadata: Option<Json>,
    usage: Option<Json>,
    cost_usd: Option<f64>,
}

struct Row {
    has_text: bool,
    metadata: String,
    run_id: String,
    log: String,
}

impl SavedAnswer {
    /// What was saved of a streaming message; none if that is nothing.
    pub fn find(connection: &Connection, rowid: i64) -> Result<Option<Self>, RestError> {
        let select = "select m.parts <> '[]', m.metadata, m.run_id, coalesce(r.log, '{}') \
                      from messages m join \"private.token_reservations\" r \
                      on r.run_id = m.run_id and r.user_id = m.user_id and r.checkpoint > 0 \
                      where m.rowid = ? and m.status = 'streaming'";
        let mut statement = connection.prepare_cached(select)?;
        let row = statement.query_row([rowid], |row| {
            Ok(Row {
                has_text: row.get(0)?,
                metadata: row.get(1)?,
                run_id: row.get(2)?,
                log: row.get(3)?,
            })
        });
        row.optional()?.map(|row| Self::read(connection, &row)).transpose()
    }

    fn read(connection: &Connection, row: &Row) -> Result<Self, RestError> {
        let object = |text: &str| match serde_json::from_str(text) {
            Ok(Json::Object(object)) => object,
            _ => Map::new(),
        };
        let log = object(&row.log);
        let known = |name: &str| log.get(name).filter(|value| !value.is_null());
        let mut metadata = object(&row.metadata);
        for name in ["model", "provider"] {
            metadata.extend(known(name).map(|value| (name.to_owned(), value.clone())));
        }
        let tokens = [
            "input_tokens",
            "output_tokens",
            "total_tokens",
            "cached_input_tokens",
            "cache_write_input_tokens",
            "reasoning_tokens",
        ];
        let usage = log.contains_key("total_tokens").then(|| {
            let count = |name: &str| log.get(name).cloned().unwrap_or_default();
            Json::Object(tokens.iter().map(|name| ((*name).to_owned(), count(name))).collect())
        });
        let parts = if row.has_text { None } else { saved_parts(connection, &row.run_id)? };
        Ok(Self {
            text: parts.map(|parts| {
                let text = text_of(&parts);
                (Json::Array(parts), text)
            }),
            model: known("model").and_then(jsonb::to_text),
            metadata: Some(Json::Object(metadata)),
            usage,
            cost_usd: known("cost_usd").and_then(Json::as_f64),
        })
    }

    /// The message as the API returns it, with what was saved.
    pub fn complete(self, message: &RawValue) -> Result<Box<RawValue>, RestError> {
        let mut members: BTreeMap<String, Box<RawValue>> =
            serde_json::from_str(message.get()).map_err(|_| RestError::invalid_json_input())?;
        let (parts, content) = self.text.unzip();
        let saved = [
            ("parts", parts),
            ("content", content.map(Json::from)),
            ("model", self.model.map(Json::from)),
            ("metadata", self.metadata),
            ("usage", self.usage),
            ("cost_usd", self.cost_usd.map(Json::from)),
        ];
        for (name, value) in saved {
            if let Some(value) = value {
                members.insert(name.to_owned(), raw(value.to_string())?);
            }
        }
        raw(to_jsonb(&members)?)
    }
}

/// `private.end_with_saved`: ends a streaming message with what its run has saved.
pub(super) fn end_with_saved(
    connection: &Connection,
    session: Session,
    rowid: i64,
    status: &str,
) -> Result<(), RestError> {
    let saved = SavedAnswer::find(connection, rowid)?.unwrap_or_default();
    let (parts, content) = saved.text.unzip();
    let end = "update messages set status = :status, finish_reason = :status, \
               content = coalesce(:content, content), parts = coalesce(:parts, parts), \
               model = coalesce(:model, model), metadata = coalesce(:metadata, metadata), \
               usage = coalesce(:usage, usage), cost_usd = coalesce(:cost_usd, cost_usd) \
               where rowid = :rowid";
    let params = named_params! {
        ":status": status,
        ":content": content,
        ":parts": parts.as_ref().map(jsonb::print),
        ":model": saved.model,
        ":metadata": saved.metadata.as_ref().map(jsonb::print),
        ":usage": saved.usage.as_ref().map(jsonb::print),
        ":cost_usd": saved.cost_usd,
        ":rowid": rowid,
    };
    change(connection, session, end, params)?;
    settle_calls(connection, session, rowid)
}

/// Gives a streaming message to another run, with the model that its run has named.
pub(super) fn give_to_run(
    connection: &Connection,
    session: Session,
    rowid: i64,
    run_id: Option<&str>,
) -> Result<(), RestError> {
    let saved = SavedAnswer::find(connection, rowid)?.unwrap_or_default();
    let give = "update messages set run_id = :run_id, model = coalesce(:model, model), \
                metadata = coalesce(:metadata, metadata), \
                lease_expires_at = clock_timestamp() + :lease where rowid = :rowid";
    let params = named_params! {
        ":run_id": run_id,
        ":model": saved.model,
        ":metadata": saved.metadata.as_ref().map(jsonb::print),
        ":lease": LEASE_MICROS,
        ":rowid": rowid,
    };
    change(connection, session, give, params)
}

/// The parts that were saved of a streaming message, with their text.
pub(super) fn saved_text(
    connection: &Connection,
    rowid: i64,
) -> Result<Option<(Json, String)>, RestError> {
    Ok(SavedAnswer::find(connection, rowid)?.and_then(|saved| saved.text))
}

/// `private.saved_parts`
fn saved_parts(connection: &Connection, run_id: &str) -> Result<Option<Vec<Json>>, RestError> {
    let select = "select part_index, text, part from \"private.answer_pieces\" where run_id = ? \
                  order by checkpoint, part_index";
    let mut statement = connection.prepare_cached(select)?;
    let mut rows = statement.query([run_id])?;
    let mut parts: BTreeMap<i64, (Json, String)> = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let (part, text) = parts.entry(row.get(0)?).or_default();
        text.push_str(row.get_ref(1)?.as_str().unwrap_or_default());
        if let Some(newer) = row.get::<_, Option<String>>(2)? {
            *part = serde_json::from_str(&newer).map_err(|_| RestError::invalid_json_input())?;
        }
    }
    let whole = |(mut part, text): (Json, String)| {
        if let Some(member) = part.get_mut("text") {
            *member = text.into();
        }
        part
    };
    let parts: Vec<Json> = parts.into_values().map(whole).collect();
    Ok((!parts.is_empty()).then_some(parts))
}

/// `private.text_of`
pub(super) fn text_of(parts: &[Json]) -> String {
    let texts = parts.iter().filter(|part| part["type"] == "text");
    texts.filter_map(|part| part.get("text").and_then(jsonb::to_text)).collect()
}
