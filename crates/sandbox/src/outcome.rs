//! Converts a worker's response to an outcome that can be stored. Pure; a worker is not trusted.

use bytes::Bytes;
use serde_json::Value;
use serde_json::value::RawValue;

use super::model::{ScriptError, ScriptFile, Status};

/// Maximum nesting depth of a result, which is stored and sent inside other JSON. `runner.py` has the
/// same limit.
const MAX_RESULT_DEPTH: usize = 60;

/// A script's output as text that can be stored.
pub(super) fn text(bytes: &[u8]) -> String {
    without_nul(String::from_utf8_lossy(bytes).into_owned())
}

/// A result as JSON; an error when it is nested too deeply.
pub(super) fn result(json: Option<&RawValue>) -> Result<Value, ScriptError> {
    let problem = |problem: &str| {
        ScriptError::new("ResultError", format!("The value of the last expression {problem}"))
    };
    let too_deep = || problem(&format!("is nested more than {MAX_RESULT_DEPTH} levels deep"));
    let json = repair_surrogates(json.map_or("null", RawValue::get));
    let value = serde_json::from_str(&json).map_err(|error| {
        // serde_json reads 128 levels and has no kind of error for more.
        let is_too_deep = error.to_string().starts_with("recursion limit");
        if is_too_deep { too_deep() } else { problem("is not JSON") }
    })?;
    sanitize(value, MAX_RESULT_DEPTH).ok_or_else(too_deep)
}

/// Engines write unpaired surrogates as escapes, which are not valid text: they become U+FFFD.
fn repair_surrogates(json: &str) -> String {
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

/// The value without NUL, which databases cannot store; `None` if it is nested more than `levels`
/// deep. serde_json reads no more than 128 levels, so recursion is safe.
fn sanitize(value: Value, levels: usize) -> Option<Value> {
    Some(match value {
        Value::String(text) => Value::String(without_nul(text)),
        Value::Array(items) => {
            let levels = levels.checked_sub(1)?;
            let items = items.into_iter().map(|item| sanitize(item, levels));
            Value::Array(items.collect::<Option<_>>()?)
        }
        Value::Object(members) => {
            let levels = levels.checked_sub(1)?;
            let members = members.into_iter();
            let members =
                members.map(|(key, value)| Some((without_nul(key), sanitize(value, levels)?)));
            Value::Object(members.collect::<Option<_>>()?)
        }
        other => other,
    })
}

fn without_nul(text: String) -> String {
    if text.contains('\0') { text.replace('\0', "\u{fffd}") } else { text }
}

/// An error as it can be shown and stored.
pub(super) fn error(error: ScriptError) -> ScriptError {
    ScriptError {
        r#type: without_nul(error.r#type),
        message: without_nul(error.message),
        line: error.line,
        traceback: error.traceback.map(without_nul),
    }
}

/// The files that a script leaves: only new and changed ones, under safe names.
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

/// The status and error of a script whose worker died.
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
