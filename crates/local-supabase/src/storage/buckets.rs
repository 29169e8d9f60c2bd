//! Buckets. No policy shows them to users: only the service key sees and changes them.

use axum::http::StatusCode;
use axum::response::Response;
use rusqlite::{Connection, OptionalExtension, Row};
use serde_json::{Value, json};

use super::body::Params;
use super::error::{StorageError, json_response};
use super::objects::{check_name, iso};
use crate::context::Context;
use crate::project;
use crate::role::Role;

/// A bucket.
#[derive(Clone, Debug)]
pub(super) struct Bucket {
    pub(super) id: String,
    name: String,
    pub(super) is_public: bool,
    pub(super) file_size_limit: Option<u64>,
    allowed_mime_types: Option<Value>,
    created_at: i64,
    updated_at: i64,
}

impl Bucket {
    /// The bucket of that id.
    pub(super) fn find(connection: &Connection, id: &str) -> Result<Self, StorageError> {
        let mut statement =
            connection.prepare_cached("select * from storage_buckets where id = ?")?;
        let found = statement.query_row([id], Self::read).optional()?;
        found.ok_or_else(StorageError::no_such_bucket)
    }

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let types: Option<String> = row.get("allowed_mime_types")?;
        Ok(Self {
            id: row.get("id")?,
            name: row.get("name")?,
            is_public: row.get("public")?,
            file_size_limit: row.get("file_size_limit")?,
            allowed_mime_types: types.and_then(|types| serde_json::from_str(&types).ok()),
            created_at: row.get("created_at")?,
            updated_at: row.get("updated_at")?,
        })
    }

    /// Refuses MIME types that the bucket does not allow; `image/*` allows every image.
    pub(super) fn check_mime_type(&self, mime_type: &str) -> Result<(), StorageError> {
        let Some(Value::Array(allowed)) = &self.allowed_mime_types else { return Ok(()) };
        let essence = mime_type.split(';').next().unwrap_or_default().trim();
        let is_allowed = |allowed: &Value| match allowed.as_str() {
            Some("*/*") => true,
            Some(allowed) => match allowed.strip_suffix('*') {
                Some(prefix) => essence.starts_with(prefix),
                None => essence == allowed,
            },
            None => false,
        };
        if allowed.is_empty() || allowed.iter().any(is_allowed) {
            return Ok(());
        }
        Err(StorageError::invalid_mime_type(mime_type))
    }

    fn to_json(&self) -> Value {
        json!({
            "id": self.id,
            "name": self.name,
            "owner": "",
            "public": self.is_public,
            "file_size_limit": self.file_size_limit,
            "allowed_mime_types": self.allowed_mime_types,
            "created_at": iso(self.created_at),
            "updated_at": iso(self.updated_at),
        })
    }
}

/// Creates those of the project's buckets that do not exist.
pub(crate) fn create_buckets(
    connection: &Connection,
    buckets: &[project::Bucket],
) -> rusqlite::Result<()> {
    for bucket in buckets {
        connection.execute(
            "insert into storage_buckets (id, name, public) values (?1, ?1, ?2) on conflict do nothing",
            (bucket.id, bucket.is_public),
        )?;
    }
    Ok(())
}

/// `GET /bucket`
pub(super) async fn list(context: &Context, role: Role) -> Result<Response, StorageError> {
    if role != Role::Service {
        return Ok(json_response(StatusCode::OK, &json!([])));
    }
    let read = |connection: &Connection| {
        let mut statement =
            connection.prepare_cached("select * from storage_buckets order by name")?;
        statement.query_map([], Bucket::read)?.collect::<rusqlite::Result<Vec<_>>>()
    };
    let buckets: Vec<_> = context.database.read(role, read).await?.iter().map(listed).collect();
    Ok(json_response(StatusCode::OK, &buckets))
}

/// In lists, buckets have a type as well.
fn listed(bucket: &Bucket) -> Value {
    let mut json = bucket.to_json();
    json["type"] = json!("STANDARD");
    json
}

/// `GET /bucket/{id}`
pub(super) async fn get(
    context: &Context,
    role: Role,
    id: String,
) -> Result<Response, StorageError> {
    if role != Role::Service {
        return Err(StorageError::no_such_bucket());
    }
    let bucket =
        context.database.read(role, move |connection| Bucket::find(connection, &id)).await?;
    Ok(json_response(StatusCode::OK, &bucket.to_json()))
}

/// `POST /bucket`
pub(super) async fn create(
    context: &Context,
    role: Role,
    params: &Params,
) -> Result<Response, StorageError> {
    let name = params.required_text("name")?;
    let id = params.text("id")?.unwrap_or_else(|| name.clone());
    if name.len() > 100 || name.contains('/') || check_name(&name).is_err() || id != name {
        return Err(StorageError::invalid_bucket_name());
    }
    let settings = Settings::read(params)?;
    if role != Role::Service {
        return Err(StorageError::row_security());
    }
    let inserted = context.database.write(role, move |transaction| {
        let insert =
            "insert into storage_buckets (id, name) values (?1, ?1) on conflict do nothing";
        if transaction.execute(insert, [&id])? == 0 {
            return Err(StorageError::bucket_exists());
        }
        settings.apply(transaction, &id)
    });
    inserted.await?;
    Ok(json_response(StatusCode::OK, &json!({ "name": name })))
}

/// `PUT /bucket/{id}`
pub(super) async fn update(
    context: &Context,
    role: Role,
    id: String,
    params: &Params,
) -> Result<Response, StorageError> {
    let settings = Settings::read(params)?;
    let updated = context.database.write(role, move |transaction| {
        Bucket::find(transaction, &id)?;
        require_service(role)?;
        settings.apply(transaction, &id)
    });
    updated.await?;
    Ok(json_response(StatusCode::OK, &json!({ "message": "Successfully updated" })))
}

/// `POST /bucket/{id}/empty`
pub(super) async fn empty(
    context: &Context,
    role: Role,
    id: String,
) -> Result<Response, StorageError> {
    let versions = context.database.write_exclusive(role, move |transaction| {
        require_service(role)?;
        Bucket::find(transaction, &id)?;
        let delete = "delete from storage_objects where bucket_id = ? returning version";
        let mut statement = transaction.prepare(delete)?;
        let versions = statement.query_map([&id], |row| row.get::<_, String>(0))?;
        Ok::<_, StorageError>(versions.collect::<rusqlite::Result<Vec<_>>>()?)
    });
    context.blobs.remove(versions.await?.iter().map(String::as_str));
    let message = "Empty bucket has been queued. Completion may take up to an hour.";
    Ok(json_response(StatusCode::OK, &json!({ "message": message })))
}

/// `DELETE /bucket/{id}`
pub(super) async fn delete(
    context: &Context,
    role: Role,
    id: String,
) -> Result<Response, StorageError> {
    let deleted = context.database.write(role, move |transaction| {
        require_service(role)?;
        Bucket::find(transaction, &id)?;
        let has_objects = "select 1 from storage_objects where bucket_id = ?";
        if transaction.prepare(has_objects)?.exists([&id])? {
            return Err(StorageError::bucket_not_empty());
        }
        transaction.execute("delete from storage_buckets where id = ?", [&id])?;
        Ok(())
    });
    deleted.await?;
    Ok(json_response(StatusCode::OK, &json!({ "message": "Successfully deleted" })))
}

/// No policy lets users see or change buckets.
fn require_service(role: Role) -> Result<(), StorageError> {
    if role == Role::Service { Ok(()) } else { Err(StorageError::no_such_bucket()) }
}

/// The settings of a bucket; the outer `None` leaves one unchanged.
struct Settings {
    is_public: Option<bool>,
    file_size_limit: Option<Option<u64>>,
    allowed_mime_types: Option<Option<String>>,
}

impl Settings {
    fn read(params: &Params) -> Result<Self, StorageError> {
        let limit = match params.get("file_size_limit") {
            Some(Value::String(text)) => Some(parse_size(text)?),
            _ => params.number("file_size_limit", 0)?,
        };
        let types = match params.get("allowed_mime_types") {
            Some(_) => Some(json!(params.texts("allowed_mime_types")?).to_string()),
            None => None,
        };
        Ok(Self {
            is_public: params.flag("public")?,
            file_size_limit: params.contains("file_size_limit").then_some(limit),
            allowed_mime_types: params.contains("allowed_mime_types").then_some(types),
        })
    }

    fn apply(&self, connection: &Connection, id: &str) -> Result<(), StorageError> {
        if let Some(is_public) = self.is_public {
            set(connection, "public", id, is_public)?;
        }
        if let Some(limit) = self.file_size_limit {
            set(connection, "file_size_limit", id, limit)?;
        }
        if let Some(types) = &self.allowed_mime_types {
            set(connection, "allowed_mime_types", id, types)?;
        }
        Ok(())
    }
}

fn set(
    connection: &Connection,
    column: &'static str,
    id: &str,
    value: impl rusqlite::ToSql,
) -> rusqlite::Result<()> {
    let update = format!(
        "update storage_buckets set {column} = ?, updated_at = clock_timestamp() where id = ?"
    );
    connection.execute(&update, (value, id)).map(drop)
}

/// Parses a size such as `20MB`.
fn parse_size(text: &str) -> Result<u64, StorageError> {
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let unit = match text[digits.len()..].trim().to_ascii_uppercase().as_str() {
        "" | "B" => Some(1),
        "KB" => Some(1 << 10),
        "MB" => Some(1 << 20),
        "GB" => Some(1 << 30),
        _ => None,
    };
    let size = digits.trim().parse::<u64>().ok().zip(unit);
    size.and_then(|(number, unit)| number.checked_mul(unit)).ok_or_else(|| {
        StorageError::invalid_request("body/file_size_limit must match a schema in anyOf")
    })
}
