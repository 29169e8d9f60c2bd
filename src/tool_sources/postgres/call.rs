//! One call of a function through PostgREST, and what became of it in words.

use bytes::Bytes;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::definition::Definition;
use crate::agent::tools::source::Outcome;
use crate::supabase::{AccessToken, Caller, Supabase, SupabaseError, SupabaseErrorKind as Kind};

/// What is read of an answer; the model reads less.
const MAX_ANSWER_BYTES: usize = 4 << 20;
/// The longest sentence of a function's that the model reads, in characters.
const MAX_SENTENCE: usize = 1000;

const NAME: &AsciiSet = &NON_ALPHANUMERIC.remove(b'_').remove(b'-');

/// Calls a function with the user's token. Arguments that are absent have their defaults.
pub(super) async fn call(
    supabase: &Supabase,
    token: &AccessToken,
    definition: &Definition,
    arguments: &Value,
    max_rows: usize,
) -> Outcome {
    let name = utf8_percent_encode(&definition.function, NAME).to_string();
    let mut query = supabase.rest(Caller::User(token)).call(&name, arguments);
    query = query.max_bytes(MAX_ANSWER_BYTES);
    if definition.tool.is_repeatable {
        query = query.repeatable();
    }
    if definition.returns_set {
        query = query.limit(max_rows + 1);
    }
    match query.rows().await {
        Ok(rows) => {
            let limit = definition.returns_set.then_some(max_rows);
            Outcome::Ok { output: output(&rows.body, limit), parts: vec![], files: vec![] }
        }
        Err(error) => failed(&error, definition.only_reads),
    }
}

/// The result for the model. Beyond `limit` rows, it is told that there are more.
fn output(body: &Bytes, limit: Option<usize>) -> Value {
    if body.is_empty() {
        return json!({ "done": true });
    }
    let text = || Value::from(String::from_utf8_lossy(body));
    match (serde_json::from_slice(body).unwrap_or_else(|_| text()), limit) {
        (Value::Array(mut rows), Some(limit)) if rows.len() > limit => {
            rows.truncate(limit);
            json!({ "rows": rows, "note": format!("These are the first {limit} rows; there are more.") })
        }
        (value, _) => value,
    }
}

/// A failure in words. What the function itself says goes to the model.
fn failed(error: &SupabaseError, only_reads: bool) -> Outcome {
    let fails = |sentence: &str| Outcome::Failed {
        sentence: sentence.to_owned(),
        may_have_happened: !only_reads && error.may_have_happened(),
    };
    let code = error.code.as_deref().unwrap_or_default();
    match (error.kind, code) {
        (Kind::TokenRefused | Kind::TokenExpired | Kind::UserNotFound, _) => {
            fails("The user's sign-in has ended: they have to sign in again.")
        }
        (Kind::AnswerTooLarge, _) if only_reads => {
            Outcome::Refused("The result has more than 4 MiB: ask for less.".into())
        }
        (Kind::AnswerTooLarge, _) => {
            let output = json!({ "done": true, "note": "The result is too long to be read." });
            Outcome::Ok { output, parts: vec![], files: vec![] }
        }
        (_, "57014") => fails("The database has ended it, because it took too long."),
        (_, "25006") if only_reads => fails(
            "It is declared as one that only reads, but it tried to write: its author has to declare \
             it volatile.",
        ),
        (Kind::Timeout, _) => fails("It took too long."),
        (Kind::Unreachable, _) => fails("The database could not be reached."),
        (Kind::Overloaded | Kind::Contention | Kind::NoMemory(_), _) => {
            fails("The database has too much to do at the moment.")
        }
        (_, "") => fails("The database's answer could not be read."),
        _ => Outcome::Refused(sentence(error)),
    }
}

fn sentence(error: &SupabaseError) -> String {
    let hint = error.hint.as_deref().map(|hint| format!(" ({hint})")).unwrap_or_default();
    format!("{}{hint}", error.message).chars().take(MAX_SENTENCE).collect()
}
