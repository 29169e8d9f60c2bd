//! From method and path to an operation.

use axum::http::Method;
use percent_encoding::percent_decode_str;

/// The operation of a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Route {
    Status,
    ListBuckets,
    CreateBucket,
    GetBucket(String),
    UpdateBucket(String),
    DeleteBucket(String),
    EmptyBucket(String),
    Upload(ObjectPath),
    UploadSigned(ObjectPath),
    Download(ObjectPath, AccessMethod),
    Info(ObjectPath, AccessMethod),
    Remove(ObjectPath),
    RemoveMany(String),
    List(String),
    ListV2(String),
    Sign(ObjectPath),
    SignMany(String),
    SignUpload(ObjectPath),
    Move,
    Copy,
}

/// The bucket and name of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ObjectPath {
    pub(super) bucket: String,
    pub(super) name: String,
}

/// How a request to read an object is authorized.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AccessMethod {
    /// An access token.
    Token,
    /// A public bucket.
    Public,
    /// A signed URL.
    Signature,
}

impl Route {
    /// Parses a path relative to `/storage/v1`. `None` if there is no such route.
    pub(super) fn parse(method: &Method, path: &str) -> Option<Self> {
        let segments: Vec<&str> = path.trim_start_matches('/').splitn(3, '/').collect();
        let method = if *method == Method::HEAD { &Method::GET } else { method };
        match (method.as_str(), segments.as_slice()) {
            ("GET", ["status"]) => Some(Self::Status),
            (_, ["bucket", rest @ ..]) => Self::parse_bucket(method, rest),
            (_, ["object", rest @ ..]) => Self::parse_object(method, rest),
            _ => None,
        }
    }

    fn parse_bucket(method: &Method, rest: &[&str]) -> Option<Self> {
        match (method.as_str(), rest) {
            ("GET", [] | [""]) => Some(Self::ListBuckets),
            ("POST", [] | [""]) => Some(Self::CreateBucket),
            ("GET", [id]) => Some(Self::GetBucket(decode(id)?)),
            ("PUT", [id]) => Some(Self::UpdateBucket(decode(id)?)),
            ("DELETE", [id]) => Some(Self::DeleteBucket(decode(id)?)),
            ("POST", [id, "empty"]) => Some(Self::EmptyBucket(decode(id)?)),
            _ => None,
        }
    }

    fn parse_object(method: &Method, rest: &[&str]) -> Option<Self> {
        let special = |rest: &str| ObjectPath::parse(rest);
        match (method.as_str(), rest) {
            ("POST", ["move"]) => Some(Self::Move),
            ("POST", ["copy"]) => Some(Self::Copy),
            ("POST", ["list", bucket]) => Some(Self::List(decode(bucket)?)),
            ("POST", ["list-v2", bucket]) => Some(Self::ListV2(decode(bucket)?)),
            ("POST", ["sign", rest]) => match special(rest) {
                Some(path) => Some(Self::Sign(path)),
                None => Some(Self::SignMany(decode(rest)?)),
            },
            ("POST", ["upload", rest]) if rest.starts_with("sign/") => {
                Some(Self::SignUpload(special(&rest[5..])?))
            }
            ("PUT", ["upload", rest]) if rest.starts_with("sign/") => {
                Some(Self::UploadSigned(special(&rest[5..])?))
            }
            ("GET", ["sign", rest]) => {
                Some(Self::Download(special(rest)?, AccessMethod::Signature))
            }
            ("GET", ["public", rest]) => Some(Self::Download(special(rest)?, AccessMethod::Public)),
            ("GET", ["authenticated", rest]) => {
                Some(Self::Download(special(rest)?, AccessMethod::Token))
            }
            ("GET", ["info", rest]) => Self::parse_info(rest),
            ("DELETE", [bucket]) => Some(Self::RemoveMany(decode(bucket)?)),
            (verb, [bucket, name]) => {
                let path = ObjectPath { bucket: decode(bucket)?, name: decode(name)? };
                match verb {
                    "POST" | "PUT" => Some(Self::Upload(path)),
                    "GET" => Some(Self::Download(path, AccessMethod::Token)),
                    "DELETE" => Some(Self::Remove(path)),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    fn parse_info(rest: &str) -> Option<Self> {
        match rest.split_once('/') {
            Some(("public", rest)) => {
                Some(Self::Info(ObjectPath::parse(rest)?, AccessMethod::Public))
            }
            Some(("authenticated", rest)) => {
                Some(Self::Info(ObjectPath::parse(rest)?, AccessMethod::Token))
            }
            _ => Some(Self::Info(ObjectPath::parse(rest)?, AccessMethod::Token)),
        }
    }
}

impl ObjectPath {
    fn parse(path: &str) -> Option<Self> {
        let (bucket, name) = path.split_once('/').filter(|(_, name)| !name.is_empty())?;
        Some(Self { bucket: decode(bucket)?, name: decode(name)? })
    }

    /// The form used in keys and in the claims of signed URLs.
    pub(super) fn key(&self) -> String {
        format!("{}/{}", self.bucket, self.name)
    }
}

fn decode(text: &str) -> Option<String> {
    let text = percent_decode_str(text).decode_utf8().ok()?;
    (!text.is_empty()).then(|| text.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(bucket: &str, name: &str) -> ObjectPath {
        ObjectPath { bucket: bucket.into(), name: name.into() }
    }

    #[test]
    fn routes() {
        let route = |method: Method, path: &str| Route::parse(&method, path);
        let object = || path("b", "u/a b.txt");
        let cases = [
            (Method::GET, "/bucket", Some(Route::ListBuckets)),
            (Method::POST, "/bucket/b/empty", Some(Route::EmptyBucket("b".into()))),
            (Method::POST, "/object/b/u/a%20b.txt", Some(Route::Upload(object()))),
            (Method::PUT, "/object/b/u%2Fa%20b.txt", Some(Route::Upload(object()))),
            (
                Method::HEAD,
                "/object/b/u/a%20b.txt",
                Some(Route::Download(object(), AccessMethod::Token)),
            ),
            (
                Method::GET,
                "/object/public/b/x",
                Some(Route::Download(path("b", "x"), AccessMethod::Public)),
            ),
            (
                Method::GET,
                "/object/info/b/x",
                Some(Route::Info(path("b", "x"), AccessMethod::Token)),
            ),
            (
                Method::GET,
                "/object/info/public/b/x",
                Some(Route::Info(path("b", "x"), AccessMethod::Public)),
            ),
            (Method::POST, "/object/sign/b", Some(Route::SignMany("b".into()))),
            (Method::POST, "/object/sign/b/x", Some(Route::Sign(path("b", "x")))),
            (Method::POST, "/object/upload/sign/b/x", Some(Route::SignUpload(path("b", "x")))),
            (Method::DELETE, "/object/b", Some(Route::RemoveMany("b".into()))),
            (Method::DELETE, "/object/b/x", Some(Route::Remove(path("b", "x")))),
            (Method::POST, "/object/list/b", Some(Route::List("b".into()))),
            (Method::GET, "/object", None),
            (Method::GET, "/object/b/%ff", None),
            (Method::PATCH, "/object/b/x", None),
            (Method::GET, "/render/image/public/b/x", None),
        ];
        for (method, path, expected) in cases {
            assert_eq!(route(method.clone(), path), expected, "{method} {path}");
        }
    }
}
