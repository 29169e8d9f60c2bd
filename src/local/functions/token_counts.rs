//! What the server says of a run: `p_reserve` and its kind.

use rusqlite::Connection;
use serde_json::{Map, Value as Json, json};

use super::decimal_sum::DecimalSum;
use crate::local_supabase::functions::RestError;
use crate::local_supabase::functions::value::jsonb;

/// `p_reserve`.
#[derive(Clone, Copy)]
pub(super) struct TokenCounts<'a>(pub &'a Json);

impl TokenCounts<'_> {
    /// Without a limit nothing is reserved.
    pub fn has_limit(&self) -> bool {
        let has = |name| self.0.get(name).and_then(jsonb::to_text).is_some();
        has("limit") || has("budgets")
    }

    /// A number that is not negative.
    pub fn decimal(&self, key: &str) -> Result<Option<DecimalSum>, RestError> {
        let text = self.0.get(key).and_then(jsonb::to_text);
        let parse = |text: String| match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(DecimalSum::of(number.max(0.0))),
            _ => Err(RestError::invalid_input("numeric", &text)),
        };
        text.map(parse).transpose()
    }

    /// `private.run_log`
    pub fn run_log(&self, input_tokens: i64) -> Result<Map<String, Json>, RestError> {
        let mut log = Map::new();
        log.insert("input_tokens".to_owned(), json!(input_tokens));
        if let Some(price) = self.decimal("usd_per_input_token")? {
            log.insert("cost_usd".to_owned(), price.times(input_tokens).to_json());
        }
        for name in ["assistant", "assistant_version", "plan"] {
            if let Some(value) = self.0.get(name).filter(|value| !value.is_null()) {
                log.insert(name.to_owned(), value.clone());
            }
        }
        Ok(log)
    }

    /// The server that works on the run, where that has a name.
    pub fn server(&self) -> Option<String> {
        self.0.get("server").and_then(jsonb::to_text)
    }

    pub fn number(&self, key: &str) -> Result<Option<i64>, RestError> {
        let text = self.0.get(key).and_then(jsonb::to_text);
        let parse =
            |text: String| text.parse().map_err(|_| RestError::invalid_input("bigint", &text));
        text.map(parse).transpose()
    }
}

/// The database's time.
pub(super) fn clock_timestamp(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("select clock_timestamp()", [], |row| row.get(0))
}
