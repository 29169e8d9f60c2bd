//! Supabase Storage: one bucket, in one caller's name. Bytes are streamed, never held whole.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, stream};
use reqwest::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, RANGE};
use reqwest::{Body, Method, Response, StatusCode};
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use super::answer::Reading;
use super::{Caller, MAX_ANSWER_BYTES, Supabase, SupabaseError, SupabaseErrorKind, body};
use crate::memory::{self, ReadError};
use crate::observability::traces;

/// A transfer may be silent this long.
pub const IDLE: Duration = Duration::from_secs(60);

/// One bucket in one caller's name.
pub struct Bucket<'a> {
    supabase: &'a Supabase,
    caller: Caller<'a>,
    bucket: &'static str,
}

/// A stream of bytes and the headers that Storage sent with it.
pub struct Download<S> {
    /// The size, if Storage reports it.
    pub length: Option<u64>,
    /// Which of the object's bytes they are, as `bytes 0-9/100`, where not all were asked for.
    pub range: Option<String>,
    /// The bytes.
    pub bytes: S,
}

/// An object, or a folder, in a list.
#[derive(Clone, Debug, Deserialize)]
pub struct ListedObject {
    /// The last part of its name.
    pub name: String,
    /// The object's id; a folder has none.
    pub id: Option<String>,
}

impl Supabase {
    /// A bucket of Storage, in `caller`'s name.
    pub fn bucket<'a>(&'a self, bucket: &'static str, caller: Caller<'a>) -> Bucket<'a> {
        Bucket::new(self, caller, bucket)
    }
}

impl<'a> Bucket<'a> {
    fn new(supabase: &'a Supabase, caller: Caller<'a>, bucket: &'static str) -> Self {
        Self { supabase, caller, bucket }
    }

    /// Stores an object, in place of one that is there. Takes as long as the body takes. Storage holds
    /// only bodies of a known length to the bucket's own limit.
    pub async fn upload(
        &self,
        name: &str,
        content_type: &str,
        length: Option<u64>,
        body: impl Into<Body>,
    ) -> Result<(), SupabaseError> {
        let address = self.address("", name);
        let request = self.supabase.inner.transfers.post(address);
        let request = request
            .header(CONTENT_TYPE, content_type)
            .header(CACHE_CONTROL, "private, max-age=3600")
            .header("x-upsert", "true")
            .body(body);
        let request = match length {
            Some(length) => request.header(CONTENT_LENGTH, length),
            None => request,
        };
        let request = self.supabase.authorized(request, self.caller)?;
        let response = traces::send(request).await.map_err(SupabaseError::from_reqwest)?;
        checked(response).await.map(drop)
    }

    /// The bytes of an object, or those from `first` to `last`, as they come.
    pub async fn download(
        &self,
        name: &str,
        range: Option<(u64, u64)>,
    ) -> Result<
        Download<impl Stream<Item = Result<Bytes, SupabaseError>> + Send + use<>>,
        SupabaseError,
    > {
        let address = self.address("authenticated/", name);
        let mut request = self.supabase.inner.transfers.get(address);
        if let Some((first, last)) = range {
            request = request.header(RANGE, format!("bytes={first}-{last}"));
        }
        let request = self.supabase.authorized(request, self.caller)?;
        let response =
            within_idle(traces::send(request)).await?.map_err(SupabaseError::from_reqwest)?;
        let response = checked(response).await?;
        if range.is_some() && response.status() != StatusCode::PARTIAL_CONTENT {
            let message = "storage ignored the range";
            return Err(SupabaseError::new(SupabaseErrorKind::Protocol, message));
        }
        let header = |name| response.headers().get(name)?.to_str().ok();
        let length = header(CONTENT_LENGTH).and_then(|length| length.parse().ok());
        let range = header(CONTENT_RANGE).map(str::to_owned);
        Ok(Download { length, range, bytes: pieces(response) })
    }

    /// The whole of a small object.
    pub async fn read(&self, name: &str, max_bytes: usize) -> Result<Bytes, SupabaseError> {
        let pieces = self.download(name, None).await?;
        self.whole(pieces.bytes, None, max_bytes).await
    }

    /// So many bytes of an object, from an offset on; as many must be there.
    pub async fn read_part(
        &self,
        name: &str,
        offset: u64,
        length: usize,
    ) -> Result<Bytes, SupabaseError> {
        let range = (offset, offset + length as u64 - 1);
        let pieces = self.download(name, Some(range)).await?;
        self.whole(pieces.bytes, Some(length as u64), length).await
    }

    async fn whole(
        &self,
        pieces: impl Stream<Item = Result<Bytes, SupabaseError>>,
        expected: Option<u64>,
        max_bytes: usize,
    ) -> Result<Bytes, SupabaseError> {
        let charge = self.supabase.charge(self.caller);
        memory::read(pieces, expected, max_bytes, charge).await.map_err(|error| match error {
            ReadError::Broken(error) => error,
            ReadError::Full(full) => full.into(),
            ReadError::TooLarge(max_bytes) => {
                let message = format!("an object is larger than {max_bytes} bytes");
                SupabaseError::new(SupabaseErrorKind::TooLarge, message)
            }
        })
    }

    /// The largest object that the bucket takes, where it has a limit of its own.
    pub async fn size_limit(&self) -> Result<Option<u64>, SupabaseError> {
        #[derive(Deserialize)]
        struct Bucket {
            file_size_limit: Option<u64>,
        }
        let address = self.supabase.address(&format!("/storage/v1/bucket/{}", self.bucket));
        let request = self.supabase.inner.http.get(address);
        let request = self.supabase.authorized(request, self.caller)?;
        let reading = Reading::whole(self.caller, MAX_ANSWER_BYTES);
        let answer = self.supabase.send(request, reading).await?;
        if !answer.status.is_success() {
            return Err(SupabaseError::from_storage(answer.status, &answer.body));
        }
        Ok(serde_json::from_slice::<Bucket>(&answer.body)?.file_size_limit)
    }

    /// Gives an object another name.
    pub async fn rename(&self, from: &str, to: &str) -> Result<(), SupabaseError> {
        let body = json!({ "bucketId": self.bucket, "sourceKey": from, "destinationKey": to });
        self.call(Method::POST, "/storage/v1/object/move", &body).await.map(drop)
    }

    /// Removes objects; what is not there is passed over.
    pub async fn remove(&self, names: &[String]) -> Result<(), SupabaseError> {
        let path = format!("/storage/v1/object/{}", self.bucket);
        self.call(Method::DELETE, &path, &json!({ "prefixes": names })).await.map(drop)
    }

    /// Addresses that need no token, each good for `lifetime`; `None` for an object that is not
    /// there.
    pub async fn sign(
        &self,
        names: &[String],
        lifetime: Duration,
    ) -> Result<Vec<Option<String>>, SupabaseError> {
        #[derive(Deserialize)]
        struct Signed {
            path: String,
            #[serde(rename = "signedURL")]
            signed_url: Option<String>,
        }
        let path = format!("/storage/v1/object/sign/{}", self.bucket);
        let body = json!({ "expiresIn": lifetime.as_secs(), "paths": names });
        let answer = self.call(Method::POST, &path, &body).await?;
        let signed: Vec<Signed> = serde_json::from_slice(&answer)?;
        let url = |name: &String| {
            let signed = signed.iter().find(|signed| signed.path == *name)?;
            let url = signed.signed_url.as_deref()?;
            Some(format!("{}/storage/v1{url}", self.supabase.inner.public_url))
        };
        Ok(names.iter().map(url).collect())
    }

    /// Whether it gives its objects to everybody. Nothing need be in it.
    pub async fn is_public(&self) -> Result<bool, SupabaseError> {
        let nothing = Uuid::new_v4().to_string();
        let address = self.address("public/", &nothing);
        let request = self.supabase.inner.http.get(address);
        let reading = Reading::whole(self.caller, MAX_ANSWER_BYTES);
        let request = self.supabase.authorized(request, self.caller)?;
        let answer = self.supabase.send(request, reading).await?;
        if answer.status.is_success() {
            let what = "an object that is not there was given out: it is not Storage that answers";
            return Err(SupabaseError::unreadable(what));
        }
        let error = SupabaseError::from_storage(answer.status, &answer.body);
        match error.kind {
            // A private bucket is none to the public. Older versions have no code for it.
            SupabaseErrorKind::SchemaMismatch => Ok(false),
            SupabaseErrorKind::NotOneRow => Ok(error.message != "Bucket not found"),
            _ => Err(error),
        }
    }

    /// The objects and folders right below `prefix`, by name.
    pub async fn list(
        &self,
        prefix: &str,
        offset: usize,
        limit: usize,
    ) -> Result<Vec<ListedObject>, SupabaseError> {
        let path = format!("/storage/v1/object/list/{}", self.bucket);
        let order = json!({ "column": "name", "order": "asc" });
        let body = json!({ "prefix": prefix, "limit": limit, "offset": offset, "sortBy": order });
        Ok(serde_json::from_slice(&self.call(Method::POST, &path, &body).await?)?)
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        body: &serde_json::Value,
    ) -> Result<Bytes, SupabaseError> {
        let request = self.supabase.inner.http.request(method, self.supabase.address(path));
        let request = self.supabase.authorized(request.json(body), self.caller)?;
        let reading = Reading::whole(self.caller, MAX_ANSWER_BYTES);
        let answer = self.supabase.send(request, reading).await?;
        if answer.status.is_success() {
            return Ok(answer.body);
        }
        Err(SupabaseError::from_storage(answer.status, &answer.body))
    }

    /// Our names are UUIDs and slashes, which need no escaping.
    fn address(&self, how: &str, name: &str) -> reqwest::Url {
        self.supabase.address(&format!("/storage/v1/object/{how}{}/{name}", self.bucket))
    }
}

async fn checked(response: Response) -> Result<Response, SupabaseError> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let body = within_idle(body::read_error(response)).await??;
    Err(SupabaseError::from_storage(status, &body))
}

/// A body piece by piece; it ends with an error when it is silent for too long.
fn pieces(response: Response) -> impl Stream<Item = Result<Bytes, SupabaseError>> + Send {
    stream::try_unfold(response, |mut response| async move {
        let piece = within_idle(response.chunk()).await?.map_err(SupabaseError::from_reqwest)?;
        Ok(piece.map(|piece| (piece, response)))
    })
}

async fn within_idle<T>(work: impl Future<Output = T>) -> Result<T, SupabaseError> {
    tokio::time::timeout(IDLE, work)
        .await
        .map_err(|_| SupabaseError::new(SupabaseErrorKind::Timeout, "storage fell silent"))
}
