//! Supabase Storage: one bucket, in one caller's name. Bytes are streamed, never held whole.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use reqwest::header::{CACHE_CONTROL, CONTENT_TYPE, RANGE};
use reqwest::{Body, Method, Response, StatusCode};
use serde::Deserialize;
use serde_json::json;

use super::{Caller, Supabase, SupabaseError, SupabaseErrorKind};

/// A transfer may be silent this long.
pub const IDLE: Duration = Duration::from_secs(60);
/// No answer about an object that could not be had is longer.
const MAX_ERROR_BYTES: usize = 64 * 1024;

/// One bucket in one caller's name.
pub struct Bucket<'a> {
    supabase: &'a Supabase,
    caller: Caller<'a>,
    bucket: &'static str,
}

/// An object, or a folder, in a list.
#[derive(Clone, Debug, Deserialize)]
pub struct ListedObject {
    /// The last part of its name.
    pub name: String,
}

impl<'a> Bucket<'a> {
    pub(super) fn new(supabase: &'a Supabase, caller: Caller<'a>, bucket: &'static str) -> Self {
        Self { supabase, caller, bucket }
    }

    /// Stores an object, in place of one that is there. Takes as long as the body takes.
    pub async fn upload(
        &self,
        name: &str,
        content_type: &str,
        body: impl Into<Body>,
    ) -> Result<(), SupabaseError> {
        let address = self.address("", name);
        let request = self.supabase.inner.transfers.post(address);
        let request = request
            .header(CONTENT_TYPE, content_type)
            .header(CACHE_CONTROL, "private, max-age=3600")
            .header("x-upsert", "true")
            .body(body);
        let request = self.supabase.authorized(request, self.caller)?;
        let response = request.send().await.map_err(SupabaseError::from_reqwest)?;
        checked(response).await.map(drop)
    }

    /// The bytes of an object, or those from `first` to `last`, as they come.
    pub async fn download(
        &self,
        name: &str,
        range: Option<(u64, u64)>,
    ) -> Result<impl Stream<Item = Result<Bytes, SupabaseError>> + Send + use<>, SupabaseError>
    {
        let address = self.address("authenticated/", name);
        let mut request = self.supabase.inner.transfers.get(address);
        if let Some((first, last)) = range {
            request = request.header(RANGE, format!("bytes={first}-{last}"));
        }
        let request = self.supabase.authorized(request, self.caller)?;
        let response = within_idle(request.send()).await?.map_err(SupabaseError::from_reqwest)?;
        let response = checked(response).await?;
        if range.is_some() && response.status() != StatusCode::PARTIAL_CONTENT {
            let message = "storage did not heed the range";
            return Err(SupabaseError::new(SupabaseErrorKind::Protocol, message));
        }
        Ok(pieces(response))
    }

    /// The whole of a small object.
    pub async fn read(&self, name: &str, max_bytes: usize) -> Result<Bytes, SupabaseError> {
        let mut whole = Vec::new();
        let mut pieces = std::pin::pin!(self.download(name, None).await?);
        while let Some(piece) = pieces.next().await {
            whole.extend_from_slice(&piece?);
            if whole.len() > max_bytes {
                let message = format!("an object is larger than {max_bytes} bytes");
                return Err(SupabaseError::new(SupabaseErrorKind::TooLarge, message));
            }
        }
        Ok(whole.into())
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
        let address = self.address("public/", "0");
        let request = self.supabase.inner.http.get(address);
        let answer = self.supabase.send(self.supabase.authorized(request, self.caller)?).await?;
        if answer.status.is_success() {
            return Ok(true);
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
        let answer = self.supabase.send(request).await?;
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
    let mut body = Vec::new();
    let mut pieces = std::pin::pin!(pieces(response));
    while let Some(Ok(piece)) = pieces.next().await {
        body.extend_from_slice(&piece);
        if body.len() > MAX_ERROR_BYTES {
            break;
        }
    }
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
