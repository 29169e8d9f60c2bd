//! Repairs JSON in which a surrogate pair was split. Servers written in JavaScript slice text by
//! UTF-16 units: one frame ends with `\ud83d`, the next begins with `\udc69`, and neither is valid
//! alone.

use std::ops::RangeInclusive;

const HIGH: RangeInclusive<u16> = 0xD800..=0xDBFF;
const LOW: RangeInclusive<u16> = 0xDC00..=0xDFFF;

/// Keeps a high surrogate between the frames of one answer.
#[derive(Debug, Default)]
pub(super) struct Surrogates {
    held: Option<u16>,
}

impl Surrogates {
    /// Repairs a frame that did not parse, if unpaired surrogates were the cause. A high surrogate at
    /// the end of a string is held back and joined with the low surrogate that starts a later string;
    /// any other unpaired surrogate becomes U+FFFD.
    pub fn repair(&mut self, frame: &str) -> String {
        let mut repaired = String::with_capacity(frame.len() + 6);
        let mut rest = frame;
        while let Some(at) = rest.find('\\') {
            repaired.push_str(&rest[..at]);
            rest = &rest[at..];
            let used = match unit(rest) {
                Some(unit) => self.half(unit, &rest[6..], &mut repaired),
                None => None,
            };
            let used = used.unwrap_or_else(|| copy_escape(rest, &mut repaired));
            rest = &rest[used..];
        }
        repaired.push_str(rest);
        repaired
    }

    /// Handles one `\uXXXX` escape that may be a surrogate. Returns the length that was consumed.
    fn half(&mut self, unit: u16, after: &str, repaired: &mut String) -> Option<usize> {
        if LOW.contains(&unit) {
            let begins_string = repaired.ends_with('"') && !repaired.ends_with("\\\"");
            match self.held.take_if(|_| begins_string) {
                Some(high) => repaired.push_str(&format!("\\u{high:04x}\\u{unit:04x}")),
                None => repaired.push('\u{FFFD}'),
            }
            return Some(6);
        }
        if !HIGH.contains(&unit) {
            return None;
        }
        if self::unit(after).is_some_and(|next| LOW.contains(&next)) {
            repaired.push_str(&format!("\\u{unit:04x}{}", &after[..6]));
            return Some(12);
        }
        if after.starts_with('"') {
            self.held = Some(unit);
        } else {
            repaired.push('\u{FFFD}');
        }
        Some(6)
    }
}

/// The UTF-16 unit of the escape `\uXXXX` at the start of `text`.
fn unit(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    u16::from_str_radix(digits, 16).ok()
}

/// Copies a backslash and the character that it escapes, so that `\\u` is not taken for the start of
/// an escape.
fn copy_escape(text: &str, to: &mut String) -> usize {
    let escaped = text.chars().nth(1).map_or(0, char::len_utf8);
    to.push_str(&text[..1 + escaped]);
    1 + escaped
}

#[cfg(test)]
mod tests {
    use super::Surrogates;

    #[test]
    fn joins_halves_across_frames() {
        let mut surrogates = Surrogates::default();
        assert_eq!(surrogates.repair(r#"{"a":"x\ud83d"}"#), r#"{"a":"x"}"#);
        assert_eq!(surrogates.repair(r#"{"a":"\udc69 y"}"#), r#"{"a":"\ud83d\udc69 y"}"#);
    }

    #[test]
    fn replaces_halves_that_nothing_completes() {
        let mut surrogates = Surrogates::default();
        assert_eq!(surrogates.repair(r#"{"a":"\udc69 y"}"#), "{\"a\":\"\u{FFFD} y\"}");
        assert_eq!(
            surrogates.repair(r#"{"a":"\ud83d y\udc69"}"#),
            "{\"a\":\"\u{FFFD} y\u{FFFD}\"}"
        );
        assert_eq!(
            surrogates.repair(r#"{"a":"\ud83d\ud83d\udc69"}"#),
            "{\"a\":\"\u{FFFD}\\ud83d\\udc69\"}"
        );
    }

    #[test]
    fn leaves_whole_characters_and_escaped_backslashes_alone() {
        let mut surrogates = Surrogates::default();
        for frame in
            [r#"{"a":"\ud83d\udc69"}"#, r#"{"a":"\\ud83d"}"#, r#"{"a":"\u00e9\n\"é"#, "\\", "\\u12"]
        {
            assert_eq!(surrogates.repair(frame), frame);
        }
    }

    #[test]
    fn does_not_take_an_escaped_quote_for_the_beginning_of_a_string() {
        let mut surrogates = Surrogates::default();
        surrogates.repair(r#"{"a":"\ud83d"}"#);
        assert_eq!(surrogates.repair(r#"{"a":"\"\udc69"}"#), "{\"a\":\"\\\"\u{FFFD}\"}");
    }
}
