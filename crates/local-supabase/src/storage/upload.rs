//! Uploads: raw or as a form, with an access token or to a signed URL.

use axum::extract::Request;
use axum::http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use uuid::Uuid;

use super::access::may_reach;
use super::buckets::Bucket;
use super::error::{StorageError, json_response};
use super::objects::{Object, check_name};
use super::room::room;
use super::route::ObjectPath;
use super::sign::{self, Scope};
use super::upsert::wants_upsert;
use crate::blobs::Received;
use crate::context::Context;
use crate::role::Role;
use memory::{Form, FormError, Holder};

const MAX_FORM_TEXT: usize = 1 << 20;
/// What a form's boundaries and fields may add to the bytes of its file.
const FORM_OVERHEAD: u64 = 2 << 20;

/// The received file and its metadata.
struct UploadContent {
    received: Received,
    mimetype: String,
    cache_control: String,
    user_metadata: Value,
}

/// The owner of the new object, and whether an existing one may be replaced.
struct WriteOptions {
    owner_id: Option<String>,
    may_replace: bool,
}

/// `POST` and `PUT /object/{bucket}/{name}`
pub(super) async fn upload(
    context: &Context,
    role: Role,
    path: ObjectPath,
    request: Request,
) -> Result<Response, StorageError> {
    let may_replace = *request.method() == Method::PUT || wants_upsert(request.headers());
    let owner_id = role.uid().map(|uid| uid.to_string());
    check_name(&path.name)?;
    let bucket = find_bucket(context, role, &path).await?;
    if !may_reach(role, &path.name) {
        return Err(StorageError::row_security());
    }
    let options = WriteOptions { owner_id, may_replace };
    let object = store(context, &bucket, path, options, request).await?;
    let key = format!("{}/{}", object.bucket_id, object.name);
    Ok(json_response(StatusCode::OK, &json!({ "Key": key, "Id": object.id })))
}

/// `PUT /object/upload/sign/{bucket}/{name}?token=…`
pub(super) async fn upload_signed(
    context: &Context,
    path: ObjectPath,
    request: Request,
) -> Result<Response, StorageError> {
    let claims = sign::verify(context, request.uri(), Scope::Upload, &path)?;
    let bucket = find_bucket(context, as_owner(claims.owner.as_deref()), &path).await?;
    let options = WriteOptions { owner_id: claims.owner, may_replace: claims.upsert };
    let key = path.key();
    store(context, &bucket, path, options, request).await?;
    Ok(json_response(StatusCode::OK, &json!({ "Key": key })))
}

async fn find_bucket(
    context: &Context,
    role: Role,
    path: &ObjectPath,
) -> Result<Bucket, StorageError> {
    let id = path.bucket.clone();
    context.database.read(role, move |connection| Bucket::find(connection, &id)).await
}

/// The role that the database work of an upload is queued for.
fn as_owner(owner_id: Option<&str>) -> Role {
    let user_id = owner_id.and_then(|id| Uuid::try_parse(id).ok());
    user_id.map_or(Role::Service, |user_id| Role::Authenticated { user_id })
}

async fn store(
    context: &Context,
    bucket: &Bucket,
    path: ObjectPath,
    options: WriteOptions,
    request: Request,
) -> Result<Object, StorageError> {
    let most = context.max_object_bytes;
    let limit = bucket.file_size_limit.map_or(most, |limit| limit.min(most));
    let holder = match options.owner_id.as_deref().map(str::parse) {
        Some(Ok(user_id)) => Holder::User(user_id),
        _ => Holder::Server,
    };
    let owner = as_owner(options.owner_id.as_deref());
    let (max, (bucket_id, name)) =
        (context.max_user_bytes, (path.bucket.clone(), path.name.clone()));
    let room = context
        .database
        .read(owner, move |connection| room(connection, max, owner, &bucket_id, &name));
    let limit = limit.min(room.await?);
    let content = receive(context, bucket, limit, holder, request).await?;
    let now = context.clock.now().as_microsecond();
    let object = Object {
        id: Uuid::new_v4().to_string(),
        bucket_id: path.bucket.clone(),
        name: path.name.clone(),
        owner_id: options.owner_id,
        version: Uuid::new_v4().to_string(),
        size: content.received.size,
        etag: content.received.etag.clone(),
        mimetype: content.mimetype,
        cache_control: content.cache_control,
        user_metadata: content.user_metadata,
        created_at: now,
        updated_at: now,
    };
    put(context, object, content.received, options.may_replace).await
}

/// Stores an object whose bytes have arrived: the bytes first, then the row that names them.
pub(super) async fn put(
    context: &Context,
    object: Object,
    received: Received,
    may_replace: bool,
) -> Result<Object, StorageError> {
    // Before the transaction, for which all other writers wait.
    let received = context.blobs.move_into_place(received, &object.version).await?;
    let owner = as_owner(object.owner_id.as_deref());
    let max = context.max_user_bytes;
    let stored = context.database.write(owner, move |transaction| {
        let path = ObjectPath { bucket: object.bucket_id.clone(), name: object.name.clone() };
        let replaced = Object::find(transaction, &path)?;
        if replaced.is_some() && !may_replace {
            return Err(StorageError::key_exists());
        }
        if object.size > room(transaction, max, owner, &path.bucket, &path.name)? {
            return Err(StorageError::no_room());
        }
        object.save(transaction)?;
        received.keep();
        let stored = Object::find(transaction, &path)?.unwrap_or(object);
        Ok((stored, replaced))
    });
    let (stored, replaced) = stored.await?;
    context.blobs.remove(replaced.iter().map(|object| object.version.as_str()));
    Ok(stored)
}

async fn receive(
    context: &Context,
    bucket: &Bucket,
    limit: u64,
    holder: Holder,
    request: Request,
) -> Result<UploadContent, StorageError> {
    let (parts, body) = request.into_parts();
    let header = |name| parts.headers.get(name).and_then(|value| value.to_str().ok());
    let content_type = header(CONTENT_TYPE).unwrap_or("application/octet-stream").to_owned();
    let length = header(CONTENT_LENGTH).and_then(|length| length.parse::<u64>().ok());
    let is_form = content_type.trim_start().starts_with("multipart/form-data");
    if is_form {
        if length.is_some_and(|length| length > limit.saturating_add(FORM_OVERHEAD)) {
            return Err(StorageError::too_large());
        }
        let form = Form::from_body(Some(&content_type), body, context.memory.charge(holder));
        let form = form.ok_or_else(StorageError::broken_body)?;
        return receive_form(context, bucket, limit, form).await;
    }
    if length.is_some_and(|length| length > limit) {
        return Err(StorageError::too_large());
    }
    bucket.check_mime_type(&content_type)?;
    let user_metadata = header_metadata(&parts.headers);
    let cache_control = header(CACHE_CONTROL).unwrap_or("no-cache").to_owned();
    let received = context.blobs.receive(body.into_data_stream(), limit).await?;
    Ok(UploadContent { received, mimetype: content_type, cache_control, user_metadata })
}

fn header_metadata(headers: &HeaderMap) -> Value {
    let json = headers.get("x-metadata").and_then(|value| STANDARD.decode(value).ok());
    json.and_then(|json| serde_json::from_slice(&json).ok())
        .filter(Value::is_object)
        .unwrap_or_else(|| json!({}))
}

/// The file is the first field with a file name, or with an empty name. Its metadata precedes it.
async fn receive_form(
    context: &Context,
    bucket: &Bucket,
    limit: u64,
    mut form: Form,
) -> Result<UploadContent, StorageError> {
    let broken = |_: FormError| StorageError::broken_body();
    let mut cache_control = "no-cache".to_owned();
    let mut user_metadata = json!({});
    let mut content_type = None;
    while let Some(field) = form.next().await.map_err(broken)? {
        let name = field.name().to_owned();
        if field.file_name().is_none() && !name.is_empty() {
            let text = field.text(MAX_FORM_TEXT).await.map_err(broken)?;
            match name.as_str() {
                "cacheControl" => cache_control = format!("max-age={text}"),
                "contentType" => content_type = Some(text),
                "metadata" => {
                    user_metadata = serde_json::from_str(&text)
                        .ok()
                        .filter(Value::is_object)
                        .unwrap_or_else(|| json!({}));
                }
                _ => {}
            }
            continue;
        }
        let declared = field.content_type();
        let mimetype =
            content_type.or(declared).unwrap_or_else(|| "application/octet-stream".to_owned());
        bucket.check_mime_type(&mimetype)?;
        let received = context.blobs.receive(field.chunks(), limit).await?;
        return Ok(UploadContent { received, mimetype, cache_control, user_metadata });
    }
    Err(StorageError::invalid_request("the form has no file"))
}
