//! Parses the error bodies of providers: every format in use, including plain text and HTML.

use serde_json::Value;

/// The content of an error body.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Body {
    pub message: String,
    pub kind: Option<String>,
    pub code: Option<String>,
    pub param: Option<String>,
    pub request_id: Option<String>,
}

/// Parses a body, or an error frame within a stream.
pub(super) fn read(body: &str) -> Body {
    match serde_json::from_str::<Value>(body) {
        Ok(value) => from_value(&value),
        Err(_) => Body { message: plain(body), ..Body::default() },
    }
}

fn from_value(value: &Value) -> Body {
    match value {
        Value::Array(items) => items.first().map(from_value).unwrap_or_default(),
        Value::String(text) => Body { message: plain(text), ..Body::default() },
        Value::Object(_) => from_object(value),
        _ => Body { message: value.to_string(), ..Body::default() },
    }
}

/// Gateways nest the error in `error`, Responses in `response.error`, FastAPI in `detail`; older
/// servers put its fields at the top.
fn from_object(value: &Value) -> Body {
    let outer_id = text(&value["request_id"]);
    let nested = ["/response/error", "/error", "/errors"];
    let mut body = match nested.iter().find_map(|path| value.pointer(path).filter(|v| truthy(v))) {
        Some(error) => from_value(error),
        None if value.get("detail").is_some() => from_detail(&value["detail"]),
        None => from_fields(value),
    };
    body.request_id = outer_id.or(body.request_id);
    body
}

fn from_fields(error: &Value) -> Body {
    let details_code = text(&error["details"]["error_code"]);
    Body {
        message: message(error),
        kind: text(&error["type"]).or_else(|| text(&error["status"])),
        code: details_code.or_else(|| text(&error["code"])),
        param: text(&error["param"]),
        request_id: None,
    }
}

/// OpenRouter puts the error of the upstream provider into `metadata.raw`.
fn message(error: &Value) -> String {
    let message = text(&error["message"]).unwrap_or_else(|| error.to_string());
    match text(&error["metadata"]["raw"]) {
        Some(raw) => format!("{message}: {raw}"),
        None => message,
    }
}

fn from_detail(detail: &Value) -> Body {
    let Some(first) = detail.get(0).filter(|item| item.is_object()) else {
        return from_value(detail);
    };
    let location: Vec<String> = match &first["loc"] {
        Value::Array(parts) => parts.iter().filter_map(text).collect(),
        _ => Vec::new(),
    };
    let reason = text(&first["msg"]).unwrap_or_else(|| first.to_string());
    Body {
        message: format!("{}: {reason}", location.join(".")),
        kind: text(&first["type"]),
        param: location.into_iter().rfind(|part| part != "body"),
        ..Body::default()
    }
}

/// A string, or a number converted to one: codes can be either.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn truthy(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
        _ => true,
    }
}

/// The title of an HTML page describes the error of a proxy; the rest is markup.
fn plain(body: &str) -> String {
    let body = body.trim();
    if !body.starts_with('<') {
        return body.to_owned();
    }
    let title = body.split_once("<title>").and_then(|(_, rest)| rest.split_once("</title>"));
    title.map_or("an HTML page", |(title, _)| title.trim()).to_owned()
}
