//! `GET /`: a small OpenAPI description of the tables and functions.

use axum::Json;
use axum::http::header::{ALLOW, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use super::error::RestError;
use super::headers::MediaType;
use super::response::{empty, with_header};
use super::rpc::Function;
use crate::open_project::OpenProject;
use crate::schema::{Column, Default, PgType, Schema, Table};

pub(super) fn answer(
    project: OpenProject,
    method: &Method,
    headers: &HeaderMap,
) -> Result<Response, RestError> {
    match *method {
        Method::GET | Method::HEAD => MediaType::check_root(headers).map(|()| description(project)),
        Method::OPTIONS => {
            let allowed = Some("OPTIONS,GET,HEAD".to_owned());
            Ok(with_header(empty(StatusCode::OK), ALLOW, allowed))
        }
        ref other => Err(RestError::unsupported_method(other.as_str())),
    }
}

fn description(project: OpenProject) -> Response {
    let OpenProject { schema: Schema { tables, .. }, functions, .. } = project;
    let definitions = tables.iter().map(|table| (table.name.to_owned(), definition(table)));
    let table_paths = tables.iter().map(|table| (format!("/{}", table.name), table_path(table)));
    let function_paths = functions.iter().map(|f| (format!("/rpc/{}", f.name), function_path(f)));
    let body = json!({
        "swagger": "2.0",
        "info": {"description": "", "title": "standard public schema", "version": "14"},
        "basePath": "/",
        "paths": table_paths.chain(function_paths).collect::<Map<_, _>>(),
        "definitions": definitions.collect::<Map<_, _>>(),
    });
    let mut response = Json(body).into_response();
    let openapi = HeaderValue::from_static("application/openapi+json; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, openapi);
    response
}

fn table_path(table: &Table) -> Value {
    let operation = json!({"tags": [table.name], "responses": {"200": {"description": "OK"}}});
    let methods = ["get", "post", "patch", "delete"];
    methods.into_iter().map(|method| (method.to_owned(), operation.clone())).collect()
}

fn function_path(function: &Function) -> Value {
    let properties = function.parameters.iter().map(|p| (p.name.to_owned(), schema(p.pg_type)));
    let required: Vec<_> =
        function.parameters.iter().filter(|p| p.required).map(|p| p.name).collect();
    json!({"post": {
        "tags": [format!("(rpc) {}", function.name)],
        "parameters": [{"name": "args", "in": "body", "required": true, "schema": {
            "type": "object",
            "required": required,
            "properties": properties.collect::<Map<_, _>>(),
        }}],
        "responses": {"200": {"description": "OK"}},
    }})
}

fn definition(table: &Table) -> Value {
    let required: Vec<_> = table
        .stored_columns()
        .filter(|column| !column.nullable)
        .map(|column| column.name)
        .collect();
    let property = |column: &Column| (column.name.to_owned(), property(column));
    let properties: Map<_, _> = table.columns.iter().map(property).collect();
    json!({"type": "object", "required": required, "properties": properties})
}

/// A column; its default is shown for the types that PostgREST shows it for.
fn property(column: &Column) -> Value {
    let mut property = schema(column.pg_type);
    let default = match (column.default, column.pg_type) {
        (Default::None, _) | (_, PgType::Jsonb) => return property,
        (Default::Expression(expression), _) => json!(expression.postgres),
        (Default::Sequence(_), _) => return property,
        (Default::Literal(text), PgType::Text) => json!(text),
        (Default::Literal(text), _) => serde_json::from_str(text).unwrap_or(json!(text)),
    };
    property["default"] = default;
    property
}

fn schema(pg_type: PgType) -> Value {
    match pg_type {
        PgType::Boolean => json!({"type": "boolean", "format": "boolean"}),
        PgType::Smallint | PgType::Integer => json!({"type": "integer", "format": "int32"}),
        PgType::Bigint => json!({"type": "integer", "format": "int64"}),
        PgType::Numeric(_) | PgType::Real | PgType::DoublePrecision => {
            json!({"type": "number", "format": pg_type.name()})
        }
        PgType::Json | PgType::Jsonb => json!({"format": pg_type.name()}),
        _ => json!({"type": "string", "format": pg_type.name()}),
    }
}
