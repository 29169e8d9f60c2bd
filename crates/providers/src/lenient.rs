//! Lenient deserializers for fields that servers fill inconsistently. A value that cannot be used
//! counts as absent, because one malformed field must not end an answer.

use std::fmt;

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

/// A string; anything else is `None`.
pub(super) fn string<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    Ok(match from.deserialize_any(Any)? {
        Scalar::Text(text) => Some(text),
        _ => None,
    })
}

/// A non-negative integer; anything else is `None`.
pub(super) fn index<'de, D: Deserializer<'de>>(from: D) -> Result<Option<usize>, D::Error> {
    Ok(match from.deserialize_any(Any)? {
        Scalar::Number(number) => usize::try_from(number).ok(),
        _ => None,
    })
}

/// JSON text, which may also be sent as JSON itself.
pub(super) fn json_text<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    Ok(match from.deserialize_any(Any)? {
        Scalar::Text(text) => text,
        Scalar::Tree(tree) => tree.to_string(),
        Scalar::Number(_) | Scalar::Nothing => String::new(),
    })
}

/// A string, or the result of `parts` for an array of parts.
pub(super) fn text_or<'de, D, T>(from: D, parts: impl FnOnce(Value) -> T) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: From<String>,
{
    Ok(match from.deserialize_any(Any)? {
        Scalar::Text(text) => text.into(),
        Scalar::Tree(tree) => parts(tree),
        Scalar::Number(_) | Scalar::Nothing => String::new().into(),
    })
}

/// Any value that can be parsed as a `T`; anything else is `None`.
pub(super) fn readable<'de, D, T>(from: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    read(<&RawValue>::deserialize(from)?).map_err(D::Error::custom)
}

/// The items of an array that can be parsed as a `T`; `None` if it is not an array.
pub(super) fn list<'de, D, T>(from: D) -> Result<Option<Vec<T>>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    let items: Option<Vec<&RawValue>> = readable(from)?;
    let items = items.map(|items| items.into_iter().filter_map(|item| read(item).transpose()));
    items.map(Iterator::collect).transpose().map_err(D::Error::custom)
}

/// Half a surrogate pair is not a malformed field but a frame that must be repaired, so it remains an
/// error.
fn read<'de, T: Deserialize<'de>>(json: &'de RawValue) -> serde_json::Result<Option<T>> {
    match serde_json::from_str(json.get()) {
        Ok(value) => Ok(Some(value)),
        Err(_) => serde_json::from_str::<Value>(json.get()).map(|_| None),
    }
}

/// A token count, which some servers write as `11.0`.
pub(super) fn count(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| whole(value.as_f64()?))
}

fn whole(number: f64) -> Option<u64> {
    (number >= 0.0 && number.fract() == 0.0).then_some(number as u64)
}

/// Whether a field such as `error` has any content.
pub(super) fn is_something(json: &RawValue) -> bool {
    !matches!(json.get(), "null" | "false" | "0" | "\"\"" | "{}" | "[]")
}

enum Scalar {
    Text(String),
    Number(u64),
    Tree(Value),
    Nothing,
}

struct Any;

impl<'de> Visitor<'de> for Any {
    type Value = Scalar;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_str<E>(self, text: &str) -> Result<Scalar, E> {
        Ok(Scalar::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Scalar, E> {
        Ok(Scalar::Text(text))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Scalar, E> {
        Ok(Scalar::Number(number))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Scalar, E> {
        Ok(Scalar::Nothing)
    }

    fn visit_f64<E>(self, number: f64) -> Result<Scalar, E> {
        Ok(whole(number).map_or(Scalar::Nothing, Scalar::Number))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Scalar, E> {
        Ok(Scalar::Nothing)
    }

    fn visit_unit<E>(self) -> Result<Scalar, E> {
        Ok(Scalar::Nothing)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Scalar, A::Error> {
        Value::deserialize(SeqAccessDeserializer::new(items)).map(Scalar::Tree)
    }

    fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<Scalar, A::Error> {
        Value::deserialize(MapAccessDeserializer::new(fields)).map(Scalar::Tree)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::count;

    #[test]
    fn counts_are_whole_numbers_however_written() {
        for (value, expected) in [
            (json!(11), Some(11)),
            (json!(11.0), Some(11)),
            (json!(-0.0), Some(0)),
            (json!(1e30), Some(u64::MAX)),
            (json!(11.5), None),
            (json!(-1), None),
            (json!(-1.0), None),
            (json!("11"), None),
            (json!(null), None),
        ] {
            assert_eq!(count(&value), expected, "{value}");
        }
    }
}
