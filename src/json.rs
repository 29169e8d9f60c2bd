//! How deep JSON is nested, what is wrong with it, and when two values are the same.

use serde_json::{Map, Value};

/// How deep other people's JSON may be nested: half of what serde_json reads, so that it can still be
/// read where it stands inside of other things.
pub const MAX_DEPTH: usize = 64;

/// How deep a JSON text is nested; found without recursion.
pub fn depth(text: &str) -> usize {
    let mut nesting = Nesting::default();
    text.bytes().for_each(|byte| nesting.read(byte));
    nesting.deepest
}

/// How deep a JSON text is nested that comes in pieces.
#[derive(Clone, Debug, Default)]
pub struct Nesting {
    depth: usize,
    deepest: usize,
    in_string: bool,
    is_escaped: bool,
}

impl Nesting {
    /// The beginning of the next piece that is nested no deeper than that; nothing of what follows.
    pub fn within<'a>(&mut self, piece: &'a str, most: usize) -> &'a str {
        let end = piece.bytes().position(|byte| {
            if self.deepest <= most {
                self.read(byte);
            }
            self.deepest > most
        });
        &piece[..end.unwrap_or(piece.len())]
    }

    fn read(&mut self, byte: u8) {
        match byte {
            _ if self.is_escaped => self.is_escaped = false,
            b'\\' => self.is_escaped = self.in_string,
            b'"' => self.in_string = !self.in_string,
            _ if self.in_string => {}
            b'[' | b'{' => {
                self.depth += 1;
                self.deepest = self.deepest.max(self.depth);
            }
            b']' | b'}' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
    }
}

/// A value as it is read back from a column of type jsonb, which has an order of its own for the members
/// of objects.
pub fn as_stored(mut value: Value) -> String {
    order(&mut value);
    value.to_string()
}

fn order(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(order),
        Value::Object(members) => {
            let mut ordered: Vec<_> = std::mem::take(members).into_iter().collect();
            ordered.sort_by(|(a, _), (b, _)| (a.len(), a).cmp(&(b.len(), b)));
            ordered.iter_mut().for_each(|(_, value)| order(value));
            members.extend(ordered);
        }
        _ => {}
    }
}

/// A value as the one text that all who read it write: members in order, numbers as JavaScript writes them
/// (RFC 8785). Integers keep all their digits. For digests.
pub fn canonical(value: &Value) -> String {
    let mut text = String::new();
    write_canonical(value, &mut text);
    text
}

fn write_canonical(value: &Value, out: &mut String) {
    use std::fmt::Write;
    match value {
        Value::Number(number) => match number.as_f64().filter(|_| number.is_f64()) {
            // A column of type jsonb does not always tell 1.0 from 1.
            Some(float) if float.fract() == 0.0 && float.abs() < 1e15 => {
                let _ = write!(out, "{float:.0}");
                if out.ends_with("-0") && float == 0.0 {
                    out.truncate(out.len() - 2);
                    out.push('0');
                }
            }
            _ => {
                let _ = write!(out, "{number}");
            }
        },
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { "," });
                write_canonical(item, out);
            }
            out.push(']');
        }
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
            out.push('{');
            for (index, (name, value)) in members.into_iter().enumerate() {
                out.push_str(if index == 0 { "" } else { "," });
                let _ = write!(out, "{}:", Value::from(name.as_str()));
                write_canonical(value, out);
            }
            out.push('}');
        }
        other => {
            let _ = write!(out, "{other}");
        }
    }
}

/// How deep a value is nested. Values come from serde_json, which reads no more than 128 levels, so
/// that recursion is safe.
pub fn value_depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(value_depth).max().unwrap_or(0),
        Value::Object(members) => 1 + members.values().map(value_depth).max().unwrap_or(0),
        _ => 0,
    }
}

/// Whether these words may be in a text: whether they are, or it is not UTF-8.
pub fn may_contain(text: &[u8], words: &str) -> bool {
    std::str::from_utf8(text).map_or(true, |text| text.contains(words))
}

/// What is wrong with a text, without the text: it may be a user's, and this is for the log.
pub fn cause(error: &serde_json::Error) -> String {
    let cause = error.to_string();
    match (cause.find('"'), cause.rfind('"')) {
        (Some(first), Some(last)) => format!("{}…{}", &cause[..first], &cause[last + 1..]),
        _ => cause,
    }
}

/// Whether two values say the same. `1000.0` and `1000` do, which a jsonb column does not always tell
/// apart; the order of an object's members does not matter.
pub fn is_same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) if a.is_f64() || b.is_f64() => {
            a.as_f64() == b.as_f64()
        }
        (Value::Array(a), Value::Array(b)) => is_same_list(a, b),
        (Value::Object(a), Value::Object(b)) => is_same_object(a, b),
        _ => a == b,
    }
}

/// The same for lists.
pub fn is_same_list(a: &[Value], b: &[Value]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_same(a, b))
}

/// The same for objects.
pub fn is_same_object(a: &Map<String, Value>, b: &Map<String, Value>) -> bool {
    let same = |(name, a): (&String, &Value)| b.get(name).is_some_and(|b| is_same(a, b));
    a.len() == b.len() && a.iter().all(same)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_count_outside_of_strings() {
        for (text, expected) in [
            ("1", 0),
            ("[]", 1),
            (r#"{"a":[{}],"b":{}}"#, 3),
            (r#"["[[\"[[", "\\", [1]]"#, 2),
            (r#"["\\\"[["]"#, 1),
            ("]]][", 1),
        ] {
            assert_eq!(depth(text), expected, "{text}");
            if let Ok(value) = serde_json::from_str(text) {
                assert_eq!(value_depth(&value), expected, "{text}");
            }
        }
        assert_eq!(depth(&"[".repeat(300_000)), 300_000);
    }

    #[test]
    fn a_text_that_comes_in_pieces_is_cut_where_it_is_too_deep() {
        let mut nesting = Nesting::default();
        let pieces = [r#"{"a{["#, r#"":[1"#, ",[2", "]]}"].map(|piece| nesting.within(piece, 2));
        assert_eq!(pieces, [r#"{"a{["#, r#"":[1"#, ",", ""]);
    }

    #[test]
    fn one_text_for_values_that_say_the_same() {
        let texts = [
            r#"{"b":1.0,"a":[-0.0,1.5,10000000000000000000],"\u20ac":"\u20ac","\ud83d\ude00":null}"#,
            r#"{"\ud83d\ude00":null,"\u20ac":"\u20ac","a":[0,1.5,10000000000000000000],"b":1}"#,
        ];
        let canonical = texts.map(|text| canonical(&serde_json::from_str(text).unwrap()));
        assert_eq!(canonical[0], r#"{"a":[0,1.5,10000000000000000000],"b":1,"€":"€","😀":null}"#);
        assert_eq!(canonical[0], canonical[1]);
    }

    #[test]
    fn jsonb_orders_members_by_length() {
        let value = serde_json::from_str(r#"{"bb":{"z":1,"y":1.0},"a":[{"cc":0,"b":0}]}"#).unwrap();
        assert_eq!(as_stored(value), r#"{"a":[{"b":0,"cc":0}],"bb":{"y":1.0,"z":1}}"#);
    }

    #[test]
    fn a_cause_holds_nothing_of_the_text() {
        let error = serde_json::from_str::<u8>(r#""my \"secret\" text""#).unwrap_err();
        assert_eq!(cause(&error), "invalid type: string …, expected u8 at line 1 column 20");
        let error = serde_json::from_str::<u8>("<html>").unwrap_err();
        assert_eq!(cause(&error), "expected value at line 1 column 1");
    }

    #[test]
    fn numbers_are_the_same_however_they_are_written() {
        for (a, b, expected) in [
            ("1000.0", "1000", true),
            ("-0", "0", true),
            ("1e3", "1000", true),
            (r#"{"a":[1.0,{"b":2}],"c":0}"#, r#"{"c":-0,"a":[1,{"b":2.0}]}"#, true),
            ("123456789012345678901234", "123456789012345680000000", true),
            ("1.5", "1", false),
            ("9007199254740993", "9007199254740992", false),
            ("[1]", "[1,1]", false),
            (r#"{"a":1}"#, r#"{"b":1}"#, false),
            ("1", r#""1""#, false),
            ("true", "1", false),
        ] {
            let (left, right) =
                (serde_json::from_str(a).unwrap(), serde_json::from_str(b).unwrap());
            assert_eq!(is_same(&left, &right), expected, "{a} and {b}");
            assert_eq!(is_same(&right, &left), expected, "{b} and {a}");
        }
    }
}
