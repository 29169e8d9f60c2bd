//! Rows as the body of an answer.

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Rows, params_from_iter};

use super::error::RestError;
use super::headers::MediaType;
use super::sql::{Select, Shape};

/// A body and how many rows are in it.
pub(super) struct Rendered {
    pub rows: usize,
    pub body: String,
}

/// What the select has to return for a media type.
pub(super) fn shape(media_type: MediaType) -> Shape {
    if media_type == MediaType::Csv { Shape::Text } else { Shape::Json }
}

/// Runs the select and writes its rows as the media type wants them.
pub(super) fn render(
    connection: &Connection,
    select: &Select,
    media_type: MediaType,
) -> Result<Rendered, RestError> {
    let mut statement = connection.prepare_cached(select.sql.text())?;
    let rows = statement.query(params_from_iter(select.sql.values()))?;
    match media_type {
        MediaType::Csv => csv(rows, &select.columns),
        MediaType::Json => array(rows, ", \n "),
        MediaType::ArrayStripped => strip(array(rows, ",")?),
        MediaType::Object { stripped } => {
            let object = object(array(rows, ", \n ")?)?;
            if stripped { strip(object) } else { Ok(object) }
        }
    }
}

fn array(mut rows: Rows<'_>, separator: &str) -> Result<Rendered, RestError> {
    let mut rendered = Rendered { rows: 0, body: "[".to_owned() };
    while let Some(row) = rows.next()? {
        if rendered.rows > 0 {
            rendered.body.push_str(separator);
        }
        // A statement of the shape `Bare` returns null.
        if let ValueRef::Text(json) = row.get_ref(0)? {
            rendered.body.push_str(&String::from_utf8_lossy(json));
        }
        rendered.rows += 1;
    }
    rendered.body.push(']');
    Ok(rendered)
}

/// The only row of an array.
fn object(mut array: Rendered) -> Result<Rendered, RestError> {
    if array.rows != 1 {
        return Err(RestError::not_single(array.rows));
    }
    array.body.pop();
    array.body.remove(0);
    Ok(array)
}

/// Leaves out null members, also of objects inside.
fn strip(mut rendered: Rendered) -> Result<Rendered, RestError> {
    let mut value: serde_json::Value =
        serde_json::from_str(&rendered.body).map_err(|_| RestError::invalid_json_input())?;
    strip_nulls(&mut value);
    rendered.body = value.to_string();
    Ok(rendered)
}

fn strip_nulls(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::Object(members) => {
            members.retain(|_, member| !member.is_null());
            members.values_mut().for_each(strip_nulls);
        }
        serde_json::Value::Array(elements) => elements.iter_mut().for_each(strip_nulls),
        _ => {}
    }
}

/// As PostgreSQL prints rows; without rows not even the header is known.
fn csv(mut rows: Rows<'_>, columns: &[String]) -> Result<Rendered, RestError> {
    let mut lines = Vec::new();
    while let Some(row) = rows.next()? {
        let fields = (0..columns.len()).map(|index| Ok(field(row.get_ref(index)?)));
        let fields: rusqlite::Result<Vec<_>> = fields.collect();
        lines.push(fields?.join(","));
    }
    let header = if lines.is_empty() { String::new() } else { columns.join(",") };
    Ok(Rendered { rows: lines.len(), body: format!("{header}\n{}", lines.join("\n")) })
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
