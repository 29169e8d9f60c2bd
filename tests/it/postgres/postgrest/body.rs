//! A body as rows.

use serde_json::Value;

use super::catalog::Table;
use super::failure::Failure;
use super::query::Query;
use super::statement::{joined, quoted, text};

pub struct Body {
    pub json: Value,
    /// As it was sent, since numbers keep their digits.
    raw: String,
}

impl Body {
    /// The body of a request; nothing where there is none.
    pub fn parse(bytes: &[u8], is_csv: bool) -> Result<Option<Self>, Failure> {
        if bytes.is_empty() {
            return Ok(None);
        }
        let raw = String::from_utf8(bytes.to_vec()).unwrap();
        let raw = if is_csv { csv(&raw).to_string() } else { raw };
        match serde_json::from_str(&raw) {
            Ok(json) => Ok(Some(Self { json, raw })),
            Err(_) => Err(Failure::new(400, "PGRST102", "Empty or invalid json")),
        }
    }

    /// Refuses rows of different keys, unless the address names the columns.
    pub fn check(&self, query: &Query) -> Result<(), Failure> {
        let rows = self.json.as_array().map_or(&[][..], Vec::as_slice);
        let keys = |row: &Value| row.as_object().map(|row| row.keys().cloned().collect::<Vec<_>>());
        let alike = rows.windows(2).all(|pair| keys(&pair[0]) == keys(&pair[1]));
        if alike || query.columns.is_some() {
            return Ok(());
        }
        Err(Failure::new(400, "PGRST102", "All object keys must match"))
    }

    /// The columns that it gives values to, by alphabet.
    pub fn columns(&self, query: &Query) -> Vec<String> {
        let first = self.json.as_array().map_or(Some(&self.json), |rows| rows.first());
        let keys = first.and_then(Value::as_object).map(|row| row.keys().cloned().collect());
        let mut columns = query.columns.clone().or(keys).unwrap_or_default();
        columns.sort();
        columns.dedup();
        columns
    }

    /// ` FROM …` of an insert or update.
    pub fn from(&self, names: &[String], table: &Table, missing_default: bool) -> String {
        if names.is_empty() {
            let rows = match self.json.is_object() {
                true => "(values(1)) _ ",
                false => "json_array_elements(pgrst_payload.json_data) _ ",
            };
            let json = text(&self.raw);
            return format!(
                "FROM (SELECT {json}::json AS json_data) pgrst_payload, LATERAL (SELECT FROM {rows}) \
                 pgrst_body"
            );
        }
        let typed: Vec<_> = names
            .iter()
            .map(|name| (name.as_str(), table.columns[name].pg_type.as_str()))
            .collect();
        if !missing_default {
            return format!("FROM {}", self.rows(&typed, ""));
        }
        let given =
            names.iter().filter_map(|name| Some((name, table.columns[name].default.as_ref()?)));
        let defaults = joined(given, ",", |(name, default)| format!("{}, {default}", text(name)));
        let defaults = format!("jsonb_build_object({defaults})");
        let (lateral, function) = match self.json.is_object() {
            true => {
                (format!("SELECT {defaults} || pgrst_payload.json_data AS val"), "jsonb_to_record")
            }
            false => (
                format!(
                    "SELECT jsonb_agg({defaults} || elem) AS val from \
                     jsonb_array_elements(pgrst_payload.json_data) elem"
                ),
                "jsonb_to_recordset",
            ),
        };
        let (names, columns) = lists(&typed);
        let json = text(&self.raw);
        format!(
            "FROM (SELECT {json}::jsonb AS json_data) pgrst_payload, LATERAL ({lateral}) \
             pgrst_json_defs, LATERAL (SELECT {names} FROM {function}(pgrst_json_defs.val) AS \
             _({columns})) pgrst_body"
        )
    }

    /// Its rows with these columns.
    pub fn rows(&self, columns: &[(&str, &str)], limit: &str) -> String {
        let (names, columns) = lists(columns);
        let function = if self.json.is_object() { "json_to_record" } else { "json_to_recordset" };
        let json = text(&self.raw);
        format!(
            "(SELECT {json}::json AS json_data) pgrst_payload, LATERAL (SELECT {names} FROM \
             {function}(pgrst_payload.json_data) AS _({columns}) {limit}) pgrst_body"
        )
    }
}

fn lists(columns: &[(&str, &str)]) -> (String, String) {
    let names = joined(columns, ", ", |(name, _)| quoted(name));
    (names, joined(columns, ", ", |(name, pg_type)| format!("{} {pg_type}", quoted(name))))
}

/// Lines without quotes; `NULL` is null.
fn csv(text: &str) -> Value {
    let mut lines = text.lines().map(|line| line.split(','));
    let header: Vec<_> = lines.next().unwrap().collect();
    let value = |text: &str| if text == "NULL" { Value::Null } else { text.into() };
    let rows = lines.map(|line| {
        let members = header.iter().zip(line).map(|(name, text)| ((*name).to_owned(), value(text)));
        Value::Object(members.collect())
    });
    rows.collect()
}
