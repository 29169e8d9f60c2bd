//! Request bodies: rows as JSON, CSV or a form.

mod csv;
mod object;

pub(super) use object::Object;

use std::collections::BTreeSet;

use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use serde_json::value::RawValue;

use self::object::to_json_string;
use super::error::RestError;
use super::value::json_text;
use super::value::jsonb::MAX_VALUES;

/// Rows to write. Every row has the same keys unless the query string names the columns.
#[derive(Debug, Default)]
pub struct Payload {
    pub columns: Vec<String>,
    pub rows: Vec<Object>,
}

/// A parsed body whose keys have not been checked.
#[derive(Debug)]
enum Content {
    Object(Object),
    Array(Vec<Object>),
    /// A JSON scalar, which PostgREST takes for an empty array.
    Scalar,
}

impl Payload {
    /// `columns` are those of the query string.
    pub fn parse(
        headers: &HeaderMap,
        body: &[u8],
        columns: Option<&[String]>,
    ) -> Result<Self, RestError> {
        let (rows, columns) = match (content_type(headers), columns) {
            ("application/json", Some(columns)) => (rows(parse_json(body)?), sorted(columns)),
            ("application/json", None) => uniform(rows(parse_json(body)?))?,
            ("text/csv", _) => uniform(csv::parse(body)?)?,
            ("application/x-www-form-urlencoded", _) => uniform(vec![form(body)?])?,
            (other, _) => return Err(unacceptable(other)),
        };
        Ok(Self { columns, rows })
    }
}

/// PostgREST keeps columns in the order of the alphabet.
fn sorted(columns: &[String]) -> Vec<String> {
    BTreeSet::from_iter(columns).into_iter().cloned().collect()
}

/// The arguments of a function called by POST. No body means no arguments.
pub(super) fn parse_arguments(headers: &HeaderMap, body: &[u8]) -> Result<Object, RestError> {
    match content_type(headers) {
        "application/json" if body.is_empty() => Ok(Object::new()),
        "application/json" => match parse_json(body)? {
            Content::Object(arguments) => Ok(arguments),
            // PostgREST makes one call, with the first object.
            content => Ok(uniform(rows(content))?.0.into_iter().next().unwrap_or_default()),
        },
        "application/x-www-form-urlencoded" => form(body),
        other => Err(unacceptable(other)),
    }
}

fn content_type(headers: &HeaderMap) -> &str {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let name = value.unwrap_or("application/json").split(';').next().unwrap_or_default().trim();
    if name == "application/vnd.pgrst.array+json" { "application/json" } else { name }
}

fn unacceptable(content_type: &str) -> RestError {
    RestError::invalid_body(format!("Content-Type not acceptable: {content_type}"))
}

fn parse_json(body: &[u8]) -> Result<Content, RestError> {
    // Rows and their members.
    if json_text::count(body, 2) > MAX_VALUES {
        return Err(RestError::too_many_values(MAX_VALUES));
    }
    let invalid = |_| RestError::invalid_body("Empty or invalid json");
    let json: &RawValue = serde_json::from_slice(body).map_err(invalid)?;
    match json.get().as_bytes().first() {
        Some(b'{') => serde_json::from_str(json.get()).map(Content::Object).map_err(invalid),
        Some(b'[') => {
            let elements: Vec<&RawValue> = serde_json::from_str(json.get()).map_err(invalid)?;
            let objects = elements.iter().map(|element| serde_json::from_str(element.get()));
            let objects: Result<Vec<Object>, _> = objects.collect();
            objects.map(Content::Array).map_err(|_| keys_differ())
        }
        _ => Ok(Content::Scalar),
    }
}

fn rows(content: Content) -> Vec<Object> {
    match content {
        Content::Object(object) => vec![object],
        Content::Array(objects) => objects,
        Content::Scalar => Vec::new(),
    }
}

fn uniform(rows: Vec<Object>) -> Result<(Vec<Object>, Vec<String>), RestError> {
    let columns: Vec<String> = rows.first().into_iter().flat_map(Object::keys).cloned().collect();
    if rows.iter().any(|row| !row.keys().eq(&columns)) {
        return Err(keys_differ());
    }
    Ok((rows, columns))
}

fn keys_differ() -> RestError {
    RestError::invalid_body("All object keys must match")
}

fn form(body: &[u8]) -> Result<Object, RestError> {
    let text =
        std::str::from_utf8(body).map_err(|_| RestError::invalid_body("Empty or invalid form"))?;
    super::query::decode(text)
        .into_iter()
        .map(|(key, value)| Ok((key, to_json_string(&value)?)))
        .collect()
}
