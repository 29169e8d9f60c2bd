//! What serde says about a value, as the end of a sentence that begins with the field's name. serde names
//! types of Rust and steps of its parser, which mean nothing to a client.

use crate::http::error::FieldError;

/// An error that no more can be said about.
pub(super) const NOT_TAKEN: &str = "is not a value that this field takes";

/// The error about the field at `pointer`, or about a member of it that is missing or too much.
pub(super) fn field_error(pointer: String, message: &str) -> FieldError {
    let member = |start: &str| Some(message.strip_prefix(start)?.split('`').next()?.to_owned());
    let about = |name: String, detail: &str| FieldError {
        pointer: format!("{pointer}/{}", escape(&name)),
        detail: detail.to_owned(),
    };
    if let Some(name) = member("missing field `") {
        return about(name, "is missing");
    }
    if let Some(name) = member("duplicate field `") {
        return about(name, "is there twice");
    }
    FieldError { detail: reworded(message), pointer }
}

fn reworded(message: &str) -> String {
    let wrong = ["invalid type: ", "invalid value: "];
    let wrong = wrong.iter().find_map(|start| message.strip_prefix(start));
    if let Some((given, expected)) = wrong.and_then(|wrong| wrong.rsplit_once(", expected ")) {
        return format!("must be {}, not {}", in_json_terms(expected), in_short(given));
    }
    if let Some(unknown) = message.strip_prefix("unknown variant `")
        && let Some((_, choices)) = unknown.rsplit_once("`, expected ")
    {
        return format!("must be {choices}");
    }
    let words = match message {
        "invalid digit found in string" | "cannot parse integer from empty string" => {
            "must be a whole number"
        }
        "provided string was not `true` or `false`" => "must be true or false",
        "number out of range" => "is out of range",
        _ if message.starts_with("number too ") => "is out of range",
        _ if message.starts_with("UUID parsing failed") => "must be a UUID",
        _ if message.starts_with("data did not match any variant") => NOT_TAKEN,
        _ => message,
    };
    words.to_owned()
}

fn in_json_terms(expected: &str) -> &str {
    match expected {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number that is not negative",
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number",
        "f32" | "f64" => "a number",
        "a boolean" => "true or false",
        "a sequence" => "an array",
        "a map" => "an object",
        "a formatted UUID string" => "a UUID",
        _ if expected.starts_with("struct ") => "an object",
        _ => expected,
    }
}

/// The client knows what it has sent; texts can be long.
fn in_short(given: &str) -> &str {
    match given {
        "map" => "an object",
        "sequence" => "an array",
        "unit value" => "null",
        _ if given.starts_with("string ") => "a string",
        // integer `5`
        _ => given.split('`').nth(1).unwrap_or(given),
    }
}

/// A name as a part of a JSON Pointer.
pub(super) fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_ends_of_sentences() {
        for (message, pointer, detail) in [
            ("missing field `q`", "/a/q", "is missing"),
            ("invalid type: integer `5`, expected a string", "/a", "must be a string, not 5"),
            (
                "invalid type: string \"x, expected y\", expected struct Chat",
                "/a",
                "must be an object, not a string",
            ),
            ("invalid type: sequence, expected a map", "/a", "must be an object, not an array"),
            (
                "invalid value: integer `-1`, expected u32",
                "/a",
                "must be a whole number that is not negative, not -1",
            ),
            ("unknown variant `x`, expected `a` or `b`", "/a", "must be `a` or `b`"),
            ("invalid digit found in string", "/a", "must be a whole number"),
            ("UUID parsing failed: invalid character: found `n` at 0", "/a", "must be a UUID"),
            ("data did not match any variant of untagged enum Tool", "/a", NOT_TAKEN),
            ("must be short", "/a", "must be short"),
        ] {
            let error = field_error("/a".to_owned(), message);
            assert_eq!((&*error.pointer, &*error.detail), (pointer, detail));
        }
    }
}
