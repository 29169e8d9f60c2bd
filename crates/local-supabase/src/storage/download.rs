//! Downloads, whole or in part, and the metadata of an object.

use std::io::SeekFrom;

use axum::body::Body;
use axum::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE,
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, EXPIRES, HeaderName, IF_MODIFIED_SINCE,
    IF_NONE_MATCH, LAST_MODIFIED, RANGE, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use axum::response::Response;
use futures_util::stream;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt};

use super::access::{self, may_reach};
use super::buckets::Bucket;
use super::error::{StorageError, json_response};
use super::objects::{Object, iso};
use super::route::{AccessMethod, ObjectPath};
use super::sign::{self, Scope};
use crate::context::Context;
use crate::role::Role;

const CHUNK_SIZE: usize = 64 * 1024;

/// `GET` and `HEAD` of an object.
pub(super) async fn download(
    context: &Context,
    path: ObjectPath,
    by: AccessMethod,
    parts: &Parts,
) -> Result<Response, StorageError> {
    let expires = match by {
        AccessMethod::Signature => {
            Some(sign::verify(context, &parts.uri, Scope::Download, &path)?.exp)
        }
        _ => None,
    };
    let object = find(context, path, by, &parts.headers).await?;
    let mut response = Response::new(Body::empty());
    describe(response.headers_mut(), &object, expires);
    if let Some(disposition) = disposition(&parts.uri) {
        response.headers_mut().insert(CONTENT_DISPOSITION, disposition);
    }
    if is_unchanged(&parts.headers, &object) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(0));
        return Ok(response);
    }
    let (first, length) = match range(&parts.headers, object.size)? {
        Some((first, length)) => {
            let range = format!("bytes {first}-{}/{}", first + length - 1, object.size);
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            response.headers_mut().insert(CONTENT_RANGE, header(&range));
            (first, length)
        }
        None => (0, object.size),
    };
    response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
    if parts.method != Method::HEAD {
        let mut file = context.blobs.read(&object.version).await.map_err(gone)?;
        file.seek(SeekFrom::Start(first)).await?;
        *response.body_mut() = stream_of(file, length);
    }
    Ok(response)
}

/// An object whose bytes are not there has been deleted since it was looked up.
fn gone(error: std::io::Error) -> StorageError {
    match error.kind() {
        std::io::ErrorKind::NotFound => StorageError::no_such_key(),
        _ => error.into(),
    }
}

/// `GET` and `HEAD /object/info/…`
pub(super) async fn info(
    context: &Context,
    path: ObjectPath,
    by: AccessMethod,
    parts: &Parts,
) -> Result<Response, StorageError> {
    let object = find(context, path, by, &parts.headers).await?;
    let body = json!({
        "id": object.id,
        "name": object.name,
        "version": object.version,
        "bucket_id": object.bucket_id,
        "size": object.size,
        "content_type": object.mimetype,
        "cache_control": object.cache_control,
        "etag": object.etag,
        "metadata": object.user_metadata,
        "last_modified": iso(object.updated_at),
        "created_at": iso(object.created_at),
    });
    let mut response = json_response(StatusCode::OK, &body);
    let headers = response.headers_mut();
    headers.insert(ETAG, header(&object.etag));
    headers.insert(LAST_MODIFIED, http_date(object.updated_at / 1_000_000));
    headers.insert(CACHE_CONTROL, header(&object.cache_control));
    Ok(response)
}

/// The object, if the request may read it.
async fn find(
    context: &Context,
    path: ObjectPath,
    by: AccessMethod,
    headers: &HeaderMap,
) -> Result<Object, StorageError> {
    let role = match by {
        AccessMethod::Token => Some(access::role(context, headers).await?),
        AccessMethod::Public | AccessMethod::Signature => None,
    };
    let found = context.database.read(role.unwrap_or(Role::Anon), move |connection| {
        let bucket = Bucket::find(connection, &path.bucket)?;
        if by == AccessMethod::Public && !bucket.is_public {
            return Err(StorageError::no_such_bucket());
        }
        Ok(Object::find(connection, &path)?)
    });
    let is_reachable = |object: &Object| role.is_none_or(|role| may_reach(role, &object.name));
    found.await?.filter(is_reachable).ok_or_else(StorageError::no_such_key)
}

fn describe(headers: &mut HeaderMap, object: &Object, expires: Option<i64>) {
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(CONTENT_TYPE, header(&object.mimetype));
    headers.insert(ETAG, header(&object.etag));
    headers.insert(HeaderName::from_static("x-robots-tag"), HeaderValue::from_static("none"));
    headers.insert(LAST_MODIFIED, http_date(object.updated_at / 1_000_000));
    // In addition to what Storage sends: uploaded files must not run as web pages on this origin.
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers
        .insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox"));
    match expires {
        Some(expires) => headers.insert(EXPIRES, http_date(expires)),
        None => headers.insert(CACHE_CONTROL, header(&object.cache_control)),
    };
}

/// `Content-Disposition` for `?download` and `?download=name`.
fn disposition(uri: &Uri) -> Option<HeaderValue> {
    let mut pairs = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
    let (_, name) = pairs.find(|(key, _)| key == "download")?;
    if name.is_empty() {
        return Some(HeaderValue::from_static("attachment"));
    }
    const UNRESERVED: &percent_encoding::AsciiSet = &NON_ALPHANUMERIC
        .remove(b'-')
        .remove(b'.')
        .remove(b'_')
        .remove(b'~')
        .remove(b'!')
        .remove(b'*')
        .remove(b'(')
        .remove(b')');
    let name = utf8_percent_encode(&name, UNRESERVED);
    Some(header(&format!("attachment; filename={name}; filename*=UTF-8''{name}")))
}

fn is_unchanged(headers: &HeaderMap, object: &Object) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(etags) = text(IF_NONE_MATCH) {
        return etags
            .split(',')
            .map(str::trim)
            .any(|etag| etag == "*" || etag.strip_prefix("W/").unwrap_or(etag) == object.etag);
    }
    let since = text(IF_MODIFIED_SINCE).and_then(|date| httpdate::parse_http_date(date).ok());
    let since = since.and_then(|since| since.duration_since(std::time::UNIX_EPOCH).ok());
    since.is_some_and(|since| {
        u64::try_from(object.updated_at / 1_000_000).is_ok_and(|at| at <= since.as_secs())
    })
}

/// First byte and length of the requested range. The whole object is sent for several ranges.
fn range(headers: &HeaderMap, size: u64) -> Result<Option<(u64, u64)>, StorageError> {
    let value = headers.get(RANGE).and_then(|value| value.to_str().ok());
    let Some(range) = value.and_then(|value| value.strip_prefix("bytes=")) else {
        return Ok(None);
    };
    let Some((first, last)) = range.split_once('-') else { return Ok(None) };
    let (first, last) = match (first.parse::<u64>(), last.parse::<u64>()) {
        (Ok(first), Ok(last)) if first > last => return Ok(None),
        (Ok(first), Ok(last)) => (first, last.min(size.saturating_sub(1))),
        (Ok(first), Err(_)) if last.is_empty() => (first, size.saturating_sub(1)),
        (Err(_), Ok(suffix)) if first.is_empty() && suffix > 0 => {
            (size.saturating_sub(suffix), size.saturating_sub(1))
        }
        (Err(_), Ok(0)) if first.is_empty() => return Err(StorageError::invalid_range()),
        _ => return Ok(None),
    };
    if first >= size {
        return Err(StorageError::invalid_range());
    }
    Ok(Some((first, last - first + 1)))
}

fn stream_of(file: File, length: u64) -> Body {
    let chunks = stream::try_unfold((file, length), |(mut file, left)| async move {
        if left == 0 {
            return Ok::<_, std::io::Error>(None);
        }
        let mut chunk = bytes::BytesMut::with_capacity(CHUNK_SIZE);
        let mut bounded = (&mut file).take(left);
        if bounded.read_buf(&mut chunk).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        let left = left - chunk.len() as u64;
        Ok(Some((chunk.freeze(), (file, left))))
    });
    Body::from_stream(chunks)
}

fn http_date(seconds: i64) -> HeaderValue {
    let since = std::time::Duration::from_secs(u64::try_from(seconds).unwrap_or_default());
    // The last date that HTTP can express.
    let since = since.min(std::time::Duration::from_secs(253_402_300_799));
    header(&httpdate::fmt_http_date(std::time::UNIX_EPOCH + since))
}

fn header(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static(""))
}
