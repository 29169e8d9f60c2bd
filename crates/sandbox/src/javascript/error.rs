//! Errors of scripts, for their authors.

use rquickjs::{CaughtError, Coerced, Error, Exception, Value};

use crate::model::{ScriptError, Status};
use crate::protocol::{MAX_ERROR_BYTES, Request};

/// How traces name the script.
pub(super) const SCRIPT: &str = "script.js";

/// The message of a script that threw `null`, which is also what the engine throws if there is no
/// memory left even for an error.
pub(super) const THREW_NULL: &str = "The script has thrown null";

/// What a script threw, and the resulting status.
pub(super) fn from_caught(caught: CaughtError<'_>, code: &str) -> (Status, ScriptError) {
    let error = match caught {
        CaughtError::Exception(exception) => from_exception(&exception, code),
        CaughtError::Value(value) if value.is_null() => ScriptError::new("Error", THREW_NULL),
        CaughtError::Value(value) => ScriptError::new("Error", shorten(from_thrown_value(&value))),
        CaughtError::Error(Error::WouldBlock) => {
            ScriptError::new("Error", "The script waits for a promise that is never settled")
        }
        CaughtError::Error(Error::Allocation) => out_of_memory(),
        CaughtError::Error(error) => ScriptError::new("Error", shorten(error.to_string())),
    };
    let is_memory = error.r#type == "InternalError" && error.message == "out of memory";
    (if is_memory { Status::MemoryLimit } else { Status::Error }, error)
}

pub(super) fn out_of_memory() -> ScriptError {
    ScriptError::new("InternalError", "out of memory")
}

/// The error of a script that has ended itself with a code other than 0.
pub(super) fn exited(code: i32) -> ScriptError {
    ScriptError::new("Exit", format!("The script has ended itself with process.exit({code})"))
}

fn from_exception(exception: &Exception<'_>, code: &str) -> ScriptError {
    let name: Option<Coerced<String>> = exception.as_object().get("name").ok();
    let stack = exception.stack().filter(|stack| !stack.is_empty());
    ScriptError {
        r#type: shorten(name.map_or_else(|| "Error".to_owned(), |name| name.0)),
        message: shorten(explain(exception.message().unwrap_or_default(), stack.as_deref(), code)),
        line: stack.as_deref().and_then(line),
        traceback: stack.map(|stack| shorten(without_library(&stack))),
    }
}

/// The engine's message, with what helps where it does not.
fn explain(message: String, stack: Option<&str>, code: &str) -> String {
    if message == "not a function" {
        let called = stack.and_then(line).and_then(|line| source(code, line));
        return called.map_or(message, |called| format!("not a function, in: {called}"));
    }
    let hint = match message.as_str() {
        "fetch is not defined" | "XMLHttpRequest is not defined" | "WebSocket is not defined" => {
            "scripts have no network"
        }
        "document is not defined" | "window is not defined" | "localStorage is not defined" => {
            "scripts have no page"
        }
        message if message.starts_with("could not load module") => {
            "require('fs') and the like work, other modules are not there"
        }
        _ => return message,
    };
    format!("{message}: {hint}")
}

/// A line of the script, if it is short. The engine does not say which of its calls has failed.
fn source(code: &str, line: u32) -> Option<&str> {
    let at = usize::try_from(line).ok()?.checked_sub(1)?;
    code.lines().nth(at).map(str::trim).filter(|line| !line.is_empty() && line.len() <= 200)
}

fn from_thrown_value(value: &Value<'_>) -> String {
    let text = value.get::<Coerced<String>>().map(|text| text.0);
    text.unwrap_or_else(|_| "The script has thrown something that has no text".to_owned())
}

/// The trace without the frames of this program's own sources.
fn without_library(stack: &str) -> String {
    let lines = stack.lines().filter(|line| !line.contains("<builtin>"));
    lines.flat_map(|line| [line, "\n"]).collect()
}

/// The first position in the script that a stack trace names: `at f (script.js:3:7)`.
fn line(stack: &str) -> Option<u32> {
    let (_, place) = stack.split_once(&format!("{SCRIPT}:"))?;
    place.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

fn shorten(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(MAX_ERROR_BYTES));
    text
}

/// The error of a script that reached a limit.
pub(super) fn limit_error(status: Status, request: &Request) -> ScriptError {
    match status {
        Status::OutputLimit => ScriptError::output_limit(request.output_bytes),
        _ => ScriptError::timeout(request.timeout_ms),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_a_function_is_shown() {
        let stack = format!("    at <eval> ({SCRIPT}:2:8)\n");
        let explained = |code: &str| explain("not a function".into(), Some(stack.as_str()), code);
        assert_eq!(explained("1\n  a.b(c(1))\n3"), "not a function, in: a.b(c(1))");
        assert_eq!(explained("1"), "not a function");
        assert_eq!(explained(&format!("1\n{}", "x".repeat(300))), "not a function");
        assert_eq!(explain("not a function".into(), None, "a()"), "not a function");
    }

    #[test]
    fn the_line_is_the_first_of_the_script() {
        assert_eq!(line("    at f (script.js:3:7)\n    at <eval> (script.js:9:1)\n"), Some(3));
        assert_eq!(line("    at stringify (native)\n    at script.js:12:1"), Some(12));
        assert_eq!(line("    at parse (native)"), None);
    }
}
