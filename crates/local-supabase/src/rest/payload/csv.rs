//! CSV with a header line; a value `NULL` is null. The crate `csv` makes something of any text; PostgREST
//! refuses quotes in the wrong place and lines of too few fields, and so does this.

use serde_json::value::RawValue;

use super::object::{Object, to_json_string};
use crate::rest::error::RestError;
use crate::rest::value::jsonb::MAX_VALUES;

pub(super) fn parse(body: &[u8]) -> Result<Vec<Object>, RestError> {
    let text =
        std::str::from_utf8(body).map_err(|_| RestError::invalid_body("invalid CSV encoding"))?;
    if text.bytes().filter(|byte| matches!(byte, b',' | b'\n')).count() > MAX_VALUES {
        return Err(RestError::too_many_values(MAX_VALUES));
    }
    let mut records = records(text)?.into_iter();
    let header = records.next().ok_or_else(|| RestError::invalid_body("not enough input"))?;
    records.map(|record| object(&header, &record)).collect()
}

fn object(header: &[String], record: &[String]) -> Result<Object, RestError> {
    if record.len() != header.len() {
        return Err(RestError::invalid_body("All lines must have same number of fields"));
    }
    let members = header.iter().zip(record);
    members
        .map(|(name, value)| {
            let value =
                if value == "NULL" { RawValue::NULL.to_owned() } else { to_json_string(value)? };
            Ok((name.clone(), value))
        })
        .collect()
}

fn records(text: &str) -> Result<Vec<Vec<String>>, RestError> {
    let mut rest = text;
    let mut records = Vec::new();
    while !rest.is_empty() {
        let mut record = Vec::new();
        loop {
            let (field, after) = field(rest)?;
            record.push(field);
            match after.strip_prefix(',') {
                Some(next) => rest = next,
                None => {
                    rest = after;
                    break;
                }
            }
        }
        rest = rest.strip_prefix("\r\n").or_else(|| rest.strip_prefix('\n')).unwrap_or(rest);
        records.push(record);
    }
    Ok(records)
}

/// A field and the rest of the text, which begins with a comma or the end of the line.
fn field(text: &str) -> Result<(String, &str), RestError> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([',', '\n']).unwrap_or(text.len());
        let plain = &text[..end];
        let plain = plain.strip_suffix('\r').unwrap_or(plain);
        if plain.contains('"') {
            return Err(malformed());
        }
        return Ok((plain.to_owned(), &text[plain.len()..]));
    };
    let mut field = String::new();
    let mut rest = quoted;
    loop {
        let Some((before, after)) = rest.split_once('"') else { return Err(malformed()) };
        field.push_str(before);
        let Some(next) = after.strip_prefix('"') else {
            rest = after;
            break;
        };
        field.push('"');
        rest = next;
    }
    let ends = rest.is_empty() || rest.starts_with([',', '\n']) || rest.starts_with("\r\n");
    if ends { Ok((field, rest)) } else { Err(malformed()) }
}

fn malformed() -> RestError {
    RestError::invalid_body("parse error (malformed CSV)")
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn what_is_malformed_is_refused() {
        for body in ["a,b\n1,\"2\"x\n", "a,b\n1,\"2\n", "a,b\n1\"2,3\n", "a,b\n1\n", ""] {
            assert!(parse(body.as_bytes()).is_err(), "{body:?}");
        }
    }
}
