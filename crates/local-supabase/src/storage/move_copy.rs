//! Removing, moving and copying objects.

use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde_json::{Value, json};
use uuid::Uuid;

use super::access::may_reach;
use super::body::Params;
use super::buckets::Bucket;
use super::error::{StorageError, json_response};
use super::objects::{Object, check_name};
use super::route::ObjectPath;
use super::upload::put;
use super::upsert::wants_upsert;
use crate::context::Context;
use crate::role::Role;

/// `DELETE /object/{bucket}/{name}`
pub(super) async fn remove(
    context: &Context,
    role: Role,
    path: ObjectPath,
) -> Result<Response, StorageError> {
    let removed = context.database.write(role, move |transaction| {
        Bucket::find(transaction, &path.bucket)?;
        let object = Object::find(transaction, &path)?.ok_or_else(StorageError::no_such_key)?;
        if !may_reach(role, &path.name) {
            return Err(StorageError::access_denied("Access denied"));
        }
        object.delete(transaction)?;
        Ok(object)
    });
    context.blobs.remove([removed.await?.version.as_str()]);
    Ok(json_response(StatusCode::OK, &json!({ "message": "Successfully deleted" })))
}

/// `DELETE /object/{bucket}`. Objects that do not exist or are not accessible are skipped.
pub(super) async fn remove_many(
    context: &Context,
    role: Role,
    bucket: String,
    params: &Params,
) -> Result<Response, StorageError> {
    let names = params.texts("prefixes")?;
    let removed = context.database.write(role, move |transaction| {
        let mut removed = Vec::new();
        for name in names.into_iter().filter(|name| may_reach(role, name)) {
            let path = ObjectPath { bucket: bucket.clone(), name };
            if let Some(object) = Object::find(transaction, &path)? {
                object.delete(transaction)?;
                removed.push(object);
            }
        }
        Ok::<_, StorageError>(removed)
    });
    let removed = removed.await?;
    context.blobs.remove(removed.iter().map(|object| object.version.as_str()));
    let rows: Vec<Value> = removed.iter().map(Object::to_json).collect();
    Ok(json_response(StatusCode::OK, &rows))
}

/// The source and destination of a move or copy.
struct Transfer {
    source: ObjectPath,
    destination: ObjectPath,
}

impl Transfer {
    fn read(params: &Params) -> Result<Self, StorageError> {
        let bucket = params.required_text("bucketId")?;
        let destination_bucket = params.text("destinationBucket")?;
        let source =
            ObjectPath { name: params.required_text("sourceKey")?, bucket: bucket.clone() };
        let destination = ObjectPath {
            name: params.required_text("destinationKey")?,
            bucket: destination_bucket.unwrap_or(bucket),
        };
        check_name(&destination.name)?;
        Ok(Self { source, destination })
    }

    /// The source, if it can be read and the destination can be written.
    fn find(
        &self,
        connection: &rusqlite::Connection,
        role: Role,
        upsert: bool,
    ) -> Result<Object, StorageError> {
        Bucket::find(connection, &self.source.bucket)?;
        Bucket::find(connection, &self.destination.bucket)?;
        let object = Object::find(connection, &self.source)?;
        let object = object.filter(|object| may_reach(role, &object.name));
        let object = object.ok_or_else(StorageError::no_such_key)?;
        if !may_reach(role, &self.destination.name) {
            return Err(StorageError::row_security());
        }
        if !upsert && Object::find(connection, &self.destination)?.is_some() {
            return Err(StorageError::key_exists());
        }
        Ok(object)
    }
}

/// `POST /object/move`
pub(super) async fn r#move(
    context: &Context,
    role: Role,
    params: &Params,
) -> Result<Response, StorageError> {
    let transfer = Transfer::read(params)?;
    let moved = context.database.write(role, move |transaction| {
        let object = transfer.find(transaction, role, false)?;
        let update = "update storage_objects set bucket_id = ?, name = ? where id = ?";
        let to = &transfer.destination;
        transaction.execute(update, (&to.bucket, &to.name, &object.id))?;
        Ok::<_, StorageError>(())
    });
    moved.await?;
    Ok(json_response(StatusCode::OK, &json!({ "message": "Successfully moved" })))
}

/// `POST /object/copy`
pub(super) async fn copy(
    context: &Context,
    role: Role,
    params: &Params,
    headers: &HeaderMap,
) -> Result<Response, StorageError> {
    let transfer = Transfer::read(params)?;
    let upsert = wants_upsert(headers);
    let key = transfer.destination.key();
    let blobs = context.blobs.clone();
    let copied = context.database.read(role, move |connection| {
        let object = transfer.find(connection, role, upsert)?;
        let bytes = blobs.copy(&object.version)?;
        Ok::<_, StorageError>((object, bytes, transfer.destination))
    });
    let (source, bytes, destination) = copied.await?;
    let now = context.clock.now().as_microsecond();
    let copy = Object {
        id: Uuid::new_v4().to_string(),
        bucket_id: destination.bucket,
        name: destination.name,
        owner_id: role.uid().map(|uid| uid.to_string()),
        version: Uuid::new_v4().to_string(),
        created_at: now,
        updated_at: now,
        ..source
    };
    let stored = put(context, copy, bytes, upsert).await?;
    let mut answer = json!({ "Key": key, "Id": stored.id });
    if let (Value::Object(answer), Value::Object(row)) = (&mut answer, stored.to_json()) {
        answer.extend(row);
    }
    Ok(json_response(StatusCode::OK, &answer))
}
