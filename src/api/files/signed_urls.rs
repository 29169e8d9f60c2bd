//! Signed URLs, which are added to rows when they are read.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::media_type;
use super::model::File;
use super::service::{Files, Owner};
use crate::http::error::ApiError;

/// The lifetime of the URLs in rows.
pub(super) const LIFETIME: Duration = Duration::from_secs(7200);

/// The fields of a file that its URL depends on.
#[derive(Debug, Deserialize)]
pub(super) struct Signable {
    pub(super) id: Uuid,
    pub(super) name: String,
    pub(super) media_type: String,
}

impl Files {
    /// A row, unchanged except for its `url`.
    pub(super) async fn with_url(&self, owner: &Owner, row: &Bytes) -> Result<Bytes, ApiError> {
        let raw: &RawValue = serde_json::from_slice(row).map_err(|error| unreadable(&error))?;
        let mut rows = self.with_urls(owner, &[raw]).await?;
        rows.pop().ok_or_else(|| ApiError::internal("a file's row was lost"))
    }

    /// Rows, unchanged except for their `url`; all are signed in one request.
    pub(super) async fn with_urls(
        &self,
        owner: &Owner,
        rows: &[&RawValue],
    ) -> Result<Vec<Bytes>, ApiError> {
        let files = rows.iter().map(|row| serde_json::from_str(row.get()));
        let files: Vec<Signable> =
            files.collect::<Result<_, _>>().map_err(|error| unreadable(&error))?;
        let urls = self.sign(owner, &files, LIFETIME).await?;
        Ok(rows.iter().zip(urls).map(|(row, url)| with_member(row, "url", &url)).collect())
    }

    /// Files with their `url`.
    pub async fn signed(&self, owner: &Owner, mut files: Vec<File>) -> Result<Vec<File>, ApiError> {
        let signable = |file: &File| Signable {
            id: file.id,
            name: file.name.clone(),
            media_type: file.media_type.clone(),
        };
        let signables: Vec<_> = files.iter().map(signable).collect();
        let urls = self.sign(owner, &signables, LIFETIME).await?;
        for (file, url) in files.iter_mut().zip(urls) {
            file.url = url;
        }
        Ok(files)
    }

    /// The URL of each file; `None` if Storage does not have it.
    pub(super) async fn sign(
        &self,
        owner: &Owner,
        files: &[Signable],
        lifetime: Duration,
    ) -> Result<Vec<Option<String>>, ApiError> {
        if files.is_empty() {
            return Ok(Vec::new());
        }
        let objects: Vec<_> = files.iter().map(|file| owner.object(file.id)).collect();
        let urls = self.bucket(owner).sign(&objects, lifetime).await?;
        Ok(files
            .iter()
            .zip(urls)
            .map(|(file, url)| url.map(|url| file.force_download(url)))
            .collect())
    }
}

impl Signable {
    /// Files that could run scripts in a browser are saved instead of displayed.
    fn force_download(&self, url: String) -> String {
        if media_type::is_inline(&self.media_type) {
            return url;
        }
        format!("{url}&download={}", utf8_percent_encode(&self.name, NON_ALPHANUMERIC))
    }
}

/// A JSON object with one more member at its end.
fn with_member(object: &RawValue, name: &str, value: &Option<String>) -> Bytes {
    let text = object.get().trim_end();
    let text = text.strip_suffix('}').unwrap_or(text);
    let value = serde_json::json!(value).to_string();
    let mut longer = BytesMut::with_capacity(text.len() + name.len() + value.len() + 8);
    for piece in [text, ",\"", name, "\":", &value, "}"] {
        longer.extend_from_slice(piece.as_bytes());
    }
    longer.freeze()
}

fn unreadable(error: &serde_json::Error) -> ApiError {
    ApiError::unreadable("file", error)
}
