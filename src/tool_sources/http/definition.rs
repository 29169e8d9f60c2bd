//! Checks what entries of the configuration file say. `Err` begins with the field.

use std::time::Duration;

use serde_json::Value;

use super::setup::Setup;
use crate::agent::tools::source::Policy;
use crate::agent::{ClientTool, clean_schema, is_checkable};
use crate::config::file::http::Approval;

/// The most characters of a description that a model reads.
const MAX_DESCRIPTION: usize = 1_024;
const TIMEOUT_MS: std::ops::RangeInclusive<u64> = 1_000..=120_000;
const MAX_RESULT_BYTES: usize = 1 << 20;

/// A name for the model.
pub fn name(name: &str) -> Result<(), String> {
    match ClientTool::is_name(name) {
        true => Ok(()),
        false => Err(format!(
            "name: `{name}` must be a letter, then letters, digits and _, at most 48 characters"
        )),
    }
}

/// A description for the model.
pub fn description(text: &str) -> Result<(), String> {
    let is_hidden = |c: char| {
        (c.is_control() && !matches!(c, '\n' | '\t'))
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    match text.chars().count() {
        0 => Err("description: must say what the tool does".into()),
        length if length > MAX_DESCRIPTION => {
            Err(format!("description: has {length} characters; at most {MAX_DESCRIPTION} are read"))
        }
        _ if text.contains(is_hidden) => {
            Err("description: must have no control characters and none that reorder text".into())
        }
        _ => Ok(()),
    }
}

/// A schema of arguments.
pub fn schema(field: &str, schema: &Value) -> Result<(), String> {
    clean_schema(schema)
        .map(drop)
        .map_err(|error| format!("{field}{}: {}", error.pointer, error.detail))
}

/// How long a call may take.
pub fn timeout(milliseconds: Option<u64>, setup: &Setup<'_>) -> Result<Duration, String> {
    match milliseconds {
        None => Ok(setup.timeout),
        Some(ms) if TIMEOUT_MS.contains(&ms) => Ok(Duration::from_millis(ms)),
        Some(_) => {
            Err(format!("timeout_ms: must be {} to {}", TIMEOUT_MS.start(), TIMEOUT_MS.end()))
        }
    }
}

/// The longest result.
pub fn max_result_bytes(bytes: Option<usize>, setup: &Setup<'_>) -> Result<usize, String> {
    match bytes {
        None => Ok(setup.max_result_bytes),
        Some(bytes) if (1..=MAX_RESULT_BYTES).contains(&bytes) => Ok(bytes),
        Some(_) => Err(format!("max_response_bytes: must be 1 to {MAX_RESULT_BYTES}")),
    }
}

/// The policy, the reason that a person is shown, and whether "always in this chat" is offered.
pub struct Asking {
    /// Whether a person is asked.
    pub policy: Policy,
    /// Why.
    pub reason: Option<String>,
    /// Whether "always in this chat" is offered.
    pub may_remember: bool,
}

/// Whether a person is asked before a request.
pub fn asking(approval: Option<&Approval>, is_safe: bool, request: &str) -> Result<Asking, String> {
    let changes = format!("{request} may change something.");
    let (policy, reason, may_remember) = match approval {
        Some(Approval::Never) => (Policy::Never, None, false),
        None | Some(Approval::Auto) if is_safe => (Policy::Never, None, false),
        None | Some(Approval::Auto) => (Policy::Always, Some(changes), true),
        Some(Approval::Always) => {
            (Policy::Always, Some("It is set to ask each time.".into()), false)
        }
        Some(Approval::Unless(harmless)) => {
            schema("approval.unless", harmless)?;
            if !is_checkable(harmless) {
                let problem =
                    "has keywords that are not checked, such as pattern, format, if or $ref";
                return Err(format!("approval.unless: {problem}"));
            }
            (
                Policy::Unless(harmless.clone()),
                Some("It is set to ask with such arguments.".into()),
                false,
            )
        }
    };
    Ok(Asking { policy, reason, may_remember })
}

/// JSON Pointers.
pub fn pointers(field: &str, pointers: &[String]) -> Result<(), String> {
    match pointers.iter().position(|pointer| !pointer.starts_with('/')) {
        Some(at) => {
            Err(format!("{field}[{at}]: `{}` is not a JSON Pointer such as /card", pointers[at]))
        }
        None => Ok(()),
    }
}
