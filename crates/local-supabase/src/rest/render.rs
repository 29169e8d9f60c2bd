//! Rendering rows as the body of a response.

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Rows};

use super::error::RestError;
use super::headers::MediaType;
use super::sql::{RowFormat, Select};
use super::value::json_text::{members, parts};
use crate::database::limits::MAX_ANSWER;

/// A body and the number of its rows.
pub(super) struct Rendered {
    pub rows: usize,
    pub body: String,
}

/// The format that the select must return for a media type.
pub(super) fn row_format(media_type: MediaType) -> RowFormat {
    if media_type == MediaType::Csv { RowFormat::Text } else { RowFormat::Json }
}

/// Runs the select and renders its rows in the media type.
pub(super) fn render(
    connection: &Connection,
    select: &Select,
    media_type: MediaType,
) -> Result<Rendered, RestError> {
    select.sql.prepared(connection, |statement, values| {
        let rows = statement.query(values)?;
        match media_type {
            MediaType::Csv => csv(rows, &select.columns),
            MediaType::Json => array(rows, ", \n "),
            MediaType::ArrayStripped => Ok(strip(&array(rows, ",")?)),
            MediaType::Object { stripped } => {
                let object = object(array(rows, ", \n ")?)?;
                Ok(if stripped { strip(&object) } else { object })
            }
        }
    })
}

fn array(mut rows: Rows<'_>, separator: &str) -> Result<Rendered, RestError> {
    let mut rendered = Rendered { rows: 0, body: "[".to_owned() };
    while let Some(row) = rows.next()? {
        if rendered.rows > 0 {
            rendered.body.push_str(separator);
        }
        // A statement of the format `Bare` returns null.
        if let ValueRef::Text(json) = row.get_ref(0)? {
            check_length(rendered.body.len() + json.len())?;
            rendered.body.push_str(&String::from_utf8_lossy(json));
        }
        rendered.rows += 1;
    }
    rendered.body.push(']');
    Ok(rendered)
}

/// The single row of an array.
fn object(mut array: Rendered) -> Result<Rendered, RestError> {
    if array.rows != 1 {
        return Err(RestError::not_single(array.rows));
    }
    array.body.pop();
    array.body.remove(0);
    Ok(array)
}

/// Refuses an answer that would take too much memory.
fn check_length(bytes: usize) -> Result<(), RestError> {
    if bytes > MAX_ANSWER { Err(RestError::too_large()) } else { Ok(()) }
}

/// Removes null members, also in nested objects.
fn strip(rendered: &Rendered) -> Rendered {
    let mut body = String::with_capacity(rendered.body.len());
    push_without_nulls(&mut body, &rendered.body);
    Rendered { rows: rendered.rows, body }
}

fn push_without_nulls(stripped: &mut String, json: &str) {
    match json.as_bytes().first() {
        Some(b'[') => {
            stripped.push('[');
            for (index, element) in parts(json).enumerate() {
                stripped.push_str(if index > 0 { "," } else { "" });
                push_without_nulls(stripped, element);
            }
            stripped.push(']');
        }
        Some(b'{') => {
            stripped.push('{');
            let kept = members(json).filter(|(_, value)| *value != "null");
            for (index, (key, value)) in kept.enumerate() {
                stripped.push_str(if index > 0 { "," } else { "" });
                stripped.push_str(key);
                stripped.push(':');
                push_without_nulls(stripped, value);
            }
            stripped.push('}');
        }
        _ => stripped.push_str(json),
    }
}

/// CSV as PostgreSQL prints rows: spaces and backslashes are quoted, too. Without rows, even the header
/// is missing.
fn csv(mut rows: Rows<'_>, columns: &[String]) -> Result<Rendered, RestError> {
    let mut rendered = Rendered { rows: 0, body: String::new() };
    while let Some(row) = rows.next()? {
        if rendered.rows == 0 {
            rendered.body.push_str(&columns.join(","));
        }
        rendered.body.push('\n');
        for index in 0..columns.len() {
            rendered.body.push_str(if index > 0 { "," } else { "" });
            rendered.body.push_str(&field(row.get_ref(index)?));
            check_length(rendered.body.len())?;
        }
        rendered.rows += 1;
    }
    if rendered.rows == 0 {
        rendered.body.push('\n');
    }
    Ok(rendered)
}

fn field(value: ValueRef<'_>) -> String {
    let text = match value {
        ValueRef::Null | ValueRef::Blob(_) => return String::new(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => number.to_string(),
        ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
    };
    let special = |c: char| c.is_whitespace() || "\",()\\".contains(c);
    if !text.is_empty() && !text.contains(special) {
        return text;
    }
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\"\""))
}
