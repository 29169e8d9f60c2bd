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
use crate::role::Role;
use crate::schema::{Column, Default, PgType, Table};

pub(super) fn answer(
    project: OpenProject,
    role: Role,
    method: &Method,
    headers: &HeaderMap,
) -> Result<Response, RestError> {
    match *method {
        Method::GET | Method::HEAD => {
            MediaType::check_root(headers).map(|()| description(project, role))
        }
        Method::OPTIONS => {
            let allowed = Some("OPTIONS,GET,HEAD".to_owned());
            Ok(with_header(empty(StatusCode::OK), ALLOW, allowed))
        }
        ref other => Err(RestError::unsupported_method(other.as_str())),
    }
}

/// Of what the caller may use.
fn description(project: OpenProject, role: Role) -> Response {
    let OpenProject { schema, functions, .. } = project;
    let tables: Vec<&Table> =
        schema.tables.iter().copied().filter(|table| table.granted(role).is_anything()).collect();
    let functions = if role == Role::Anon { &[] } else { functions };
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
    let property = |column: &Column| {
        let mut property = property(column);
        if let Some(description) = describe(table, column) {
            property["description"] = description.into();
        }
        (column.name.to_owned(), property)
    };
    let properties: Map<_, _> = table.columns.iter().map(property).collect();
    let mut definition = json!({"type": "object", "required": required, "properties": properties});
    if let Some(comment) = table.comment {
        definition["description"] = comment.into();
    }
    definition
}

/// A column's comment and keys, as generators of types read them.
fn describe(table: &Table, column: &Column) -> Option<String> {
    let mut notes = vec!["Note:".to_owned()];
    if table.primary_key().contains(&column.name) {
        notes.push("This is a Primary Key.<pk/>".to_owned());
    }
    let mut keys = table.foreign_keys.iter().filter(|key| !key.references.contains('.'));
    if let Some(key) = keys.find(|key| key.columns == [column.name]) {
        let (table, foreign) = (key.references, key.foreign_columns.join(", "));
        notes.push(format!(
            "This is a Foreign Key to `{table}.{foreign}`.<fk table='{table}' column='{foreign}'/>"
        ));
    }
    let comment = column.comment.map(str::to_owned);
    if notes.len() == 1 {
        return comment;
    }
    let notes = notes.join("\n");
    Some(comment.map_or(notes.clone(), |comment| format!("{comment}\n\n{notes}")))
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
        PgType::Varchar(Some(length)) | PgType::Char(length) => {
            json!({"type": "string", "format": pg_type.name(), "maxLength": length})
        }
        PgType::Enum(enumeration) => {
            let format = format!("public.{}", enumeration.name);
            json!({"type": "string", "format": format, "enum": enumeration.labels})
        }
        PgType::Array(element) => {
            let items = match schema(*element).get("type") {
                Some(name) => json!({ "type": name }),
                None => json!({}),
            };
            json!({"type": "array", "format": pg_type.name(), "items": items})
        }
        _ => json!({"type": "string", "format": pg_type.name()}),
    }
}
