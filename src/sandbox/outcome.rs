//! From what a worker says to an outcome that can be stored. Pure; a worker is not trusted.

use bytes::Bytes;
use serde_json::Value;
use serde_json::value::RawValue;

use super::model::{ScriptError, ScriptFile, Status};
use crate::json::{MAX_DEPTH, depth};

/// A result is kept and sent inside of other things.
const MAX_RESULT_DEPTH: usize = MAX_DEPTH - 4;

/// A script's output, with what PostgreSQL cannot store replaced.
pub(super) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).replace('\0', "\u{fffd}")
}

/// A result as JSON; an error when it is nested too deeply to be read.
pub(super) fn result(json: Option<&RawValue>) -> Result<Value, ScriptError> {
    let json = json.map_or("null", RawValue::get);
    let problem = |problem: String| {
        ScriptError::new("ResultError", format!("The value of the last expression {problem}"))
    };
    if depth(json) > MAX_RESULT_DEPTH {
        return Err(problem(format!("is nested more than {MAX_RESULT_DEPTH} levels deep")));
    }
    let value = serde_json::from_str(&without_halves(json));
    value.map(storable).map_err(|_| problem("is not JSON".into()))
}

/// Engines write characters that are cut in half as escapes, which are no text: U+FFFD.
fn without_halves(json: &str) -> String {
    let mut whole = String::with_capacity(json.len());
    let mut rest = json;
    while let Some(at) = rest.find('\\') {
        whole.push_str(&rest[..at]);
        let escape = &rest[at..];
        let is_half = escape.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("\\ud"))
            && escape.as_bytes().get(3).is_some_and(|digit| b"89abcdefABCDEF".contains(digit))
            && escape.get(..6).is_some();
        let used =
            if is_half { 6 } else { 1 + escape[1..].chars().next().map_or(0, char::len_utf8) };
        whole.push_str(if is_half { "\u{fffd}" } else { &escape[..used] });
        rest = &escape[used..];
    }
    whole.push_str(rest);
    whole
}

fn storable(value: Value) -> Value {
    let clean =
        |text: String| if text.contains('\0') { text.replace('\0', "\u{fffd}") } else { text };
    match value {
        Value::String(text) => Value::String(clean(text)),
        Value::Array(items) => Value::Array(items.into_iter().map(storable).collect()),
        Value::Object(members) => {
            let members = members.into_iter().map(|(key, value)| (clean(key), storable(value)));
            Value::Object(members.collect())
        }
        other => other,
    }
}

/// An error as it may be shown and stored.
pub(super) fn error(error: ScriptError) -> ScriptError {
    let clean = |text: String| text.replace('\0', "\u{fffd}");
    ScriptError {
        r#type: clean(error.r#type),
        message: clean(error.message),
        line: error.line,
        traceback: error.traceback.map(clean),
    }
}

/// The files that a script leaves: only what is new or different, under names that lead nowhere.
pub(super) fn files(written: Vec<(String, Bytes)>, given: &[ScriptFile]) -> Vec<ScriptFile> {
    let is_known =
        |name: &str, data: &Bytes| given.iter().any(|file| file.name == name && file.data == *data);
    written
        .into_iter()
        .filter(|(name, data)| is_safe(name) && !is_known(name, data))
        .map(|(name, data)| ScriptFile { name, data })
        .collect()
}

fn is_safe(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 1024
        && !name.chars().any(char::is_control)
        && !name.contains('\\')
        && name.split('/').all(|step| !matches!(step, "" | "." | ".."))
}

/// What a script's status says when its worker died without a word.
pub(super) fn crashed() -> (Status, ScriptError) {
    let message = "The script's interpreter died. It may have run out of memory or stack";
    (Status::Crashed, ScriptError::new("Crash", message))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(json: &str) -> Result<Value, ScriptError> {
        result(Some(&RawValue::from_string(json.into()).unwrap()))
    }

    #[test]
    fn results_become_storable() {
        assert_eq!(result(None).unwrap(), Value::Null);
        for (text, value) in [
            (r#"[1,"a\\u0000",{"b":null}]"#, json!([1, "a\\u0000", { "b": null }])),
            (r#"{"a\u0000":"\u0000"}"#, json!({ "a\u{fffd}": "\u{fffd}" })),
            (r#""\ud83d-\uDC00\\ud83d""#, json!("\u{fffd}-\u{fffd}\\ud83d")),
            (r#""\"é\n""#, json!("\"é\n")),
        ] {
            assert_eq!(read(text).unwrap(), value, "{text}");
        }
    }

    #[test]
    fn a_deep_result_is_an_error() {
        let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(read(&deep(MAX_RESULT_DEPTH)).is_ok());
        assert!(read(&deep(MAX_RESULT_DEPTH + 1)).unwrap_err().message.contains("deep"));
        assert!(read(&deep(200_000)).is_err());
    }

    #[test]
    fn only_new_files_with_harmless_names_are_taken() {
        let given = [ScriptFile { name: "a".into(), data: "1".into() }];
        let names = ["a", "b", "c/d.csv", "../x", "/x", "c//d", ".", "", "x\n", "c\\d"];
        let written = names.iter().map(|name| ((*name).to_owned(), Bytes::from("1"))).collect();
        let taken: Vec<_> = files(written, &given).into_iter().map(|file| file.name).collect();
        assert_eq!(taken, ["b", "c/d.csv"]);
    }
}
