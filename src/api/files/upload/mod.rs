//! Uploads: claim the id, send the bytes, make the row ready.

pub(super) mod content;
pub(super) mod form;
pub(super) mod transfer;

use std::time::Duration;

use axum::http::StatusCode;
use bytes::Bytes;
use futures_util::Stream;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::upload::content::{Content, Digest, human};
use super::upload::transfer::{Transfer, Upload};
use super::{Files, MAX_FILES, Owner, media_type, name};
use crate::database::{BeginFileReply, FinishFile, FinishFileReply};
use crate::http::error::ApiError;
use crate::http::response::Created;
use crate::json;

/// What is said about a file that is to be added.
#[derive(Clone, Debug, Default)]
pub struct NewFile {
    /// The client's own id.
    pub id: Option<Uuid>,
    /// Its name.
    pub name: String,
    /// Its type, where it is known.
    pub media_type: Option<String>,
    /// Its chat.
    pub chat_id: Option<Uuid>,
    /// The front end's own data.
    pub metadata: Map<String, Value>,
}

/// What can be said after the bytes too.
#[derive(Clone, Debug, Default)]
pub(super) struct Details {
    pub(super) id: Option<Uuid>,
    pub(super) chat_id: Option<Uuid>,
    pub(super) metadata: Map<String, Value>,
}

/// An upload whose bytes have been read.
pub(super) struct Sent {
    id: Uuid,
    said: Said,
    way: Way,
}

enum Way {
    /// They are in Storage, or on their way; the task waits for the details.
    New(Transfer),
    /// The id was a file already: they were only looked at.
    Known,
}

/// What the bytes and their sender say.
#[derive(Clone, Debug)]
pub(super) struct Said {
    name: String,
    media_type: String,
    digest: Digest,
}

impl Files {
    /// Adds a file whose details are known. The same id and content again is the stored file.
    pub async fn add<S>(&self, owner: &Owner, new: NewFile, bytes: S) -> Result<Created, ApiError>
    where
        S: Stream<Item = Result<Bytes, ApiError>> + Unpin,
    {
        let NewFile { id, name, media_type, chat_id, metadata } = new;
        let sent = self.send(owner, id, &name, media_type.as_deref(), bytes).await?;
        self.complete(owner, sent, Details { id, chat_id, metadata }).await
    }

    /// Sends the bytes to Storage, under a claimed id.
    pub(super) async fn send<S>(
        &self,
        owner: &Owner,
        id: Option<Uuid>,
        file_name: &str,
        declared: Option<&str>,
        bytes: S,
    ) -> Result<Sent, ApiError>
    where
        S: Stream<Item = Result<Bytes, ApiError>> + Unpin,
    {
        let name = name::clean(file_name);
        let mut content = Content::open(bytes, self.largest().await).await?;
        let media_type =
            media_type::media_type(declared, &name, content.head()).map_err(|found| {
                let declared = declared.unwrap_or_default();
                ApiError::invalid("/file", format!("is said to be {declared} but is {found}"))
            })?;
        content.check_picture(&media_type).await?;
        let id = id.unwrap_or_else(Uuid::now_v7);
        let upload = Upload {
            files: self.clone(),
            owner: owner.clone(),
            id,
            upload_id: Uuid::new_v4(),
            name: name.clone(),
            media_type: media_type.clone(),
            length: content.length(),
        };
        let way = match self.claim(&upload).await? {
            None => {
                while content.next().await?.is_some() {}
                Way::Known
            }
            Some(room) => {
                self.sweep_later(owner);
                Way::New(upload.start(&mut content, room).await?)
            }
        };
        let said = Said { name, media_type, digest: content.digest() };
        Ok(Sent { id, said, way })
    }

    /// Makes an upload a file.
    pub(super) async fn complete(
        &self,
        owner: &Owner,
        sent: Sent,
        details: Details,
    ) -> Result<Created, ApiError> {
        let Sent { id, said, way } = sent;
        let Way::New(transfer) = way else {
            return match details.id {
                Some(other) if other != id => Err(ApiError::id_conflict()),
                _ => self.repeated(owner, id, &details, &said).await,
            };
        };
        transfer.complete(details, said).await
    }

    /// How many more bytes the user may store; `None` when the id is a file of theirs already.
    pub(super) async fn claim(&self, upload: &Upload) -> Result<Option<u64>, ApiError> {
        let Upload { owner, id, upload_id, name, .. } = upload;
        match self.begin(owner, *id, *upload_id, name).await? {
            BeginFileReply::Started { room } => Ok(Some(room)),
            BeginFileReply::Exists => Ok(None),
            BeginFileReply::Busy => Err(busy()),
            BeginFileReply::Conflict => Err(ApiError::id_conflict()),
            BeginFileReply::TooMany => Err(ApiError::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "too_many_files",
                format!("You may have at most {MAX_FILES} files. Delete some first."),
            )),
        }
    }

    /// The stored file, if it is what this upload would have stored.
    pub(super) async fn repeated(
        &self,
        owner: &Owner,
        id: Uuid,
        details: &Details,
        said: &Said,
    ) -> Result<Created, ApiError> {
        let (row, file) = self.file(owner, id).await?;
        let same = file.sha256 == said.digest.sha256
            && file.size == said.digest.size
            && file.name == said.name
            && file.chat_id == details.chat_id
            && json::is_same_object(&file.metadata, &details.metadata);
        if same { Ok(Created::Before(row)) } else { Err(ApiError::id_conflict()) }
    }

    /// Makes the row of an upload ready, whose bytes are in Storage.
    pub(super) async fn make_ready(
        &self,
        upload: &Upload,
        id: Uuid,
        details: &Details,
        said: &Said,
    ) -> Result<Created, ApiError> {
        let finish = FinishFile {
            p_id: id,
            p_upload_id: upload.upload_id,
            p_name: &said.name,
            p_media_type: &said.media_type,
            p_size: said.digest.size,
            p_sha256: &said.digest.sha256,
            p_quota: self.quota,
            p_chat_id: details.chat_id,
            p_metadata: &details.metadata,
        };
        match self.end(&upload.owner, &finish).await? {
            FinishFileReply::Stored => Ok(Created::Now(self.file(&upload.owner, id).await?.0)),
            FinishFileReply::OverQuota => Err(over_quota(self.quota)),
            FinishFileReply::NoChat => Err(ApiError::not_found("chat")),
            FinishFileReply::Lost => Err(busy()),
        }
    }
}

pub(super) fn over_quota(quota: u64) -> ApiError {
    let detail = format!(
        "Your files may take {} together, and this one would exceed that. Delete some first.",
        human(quota)
    );
    ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "file_quota_exceeded", detail)
}

fn busy() -> ApiError {
    ApiError::new(
        StatusCode::CONFLICT,
        "upload_running",
        "A file with this id is being uploaded or deleted. Please try again in a moment.",
    )
    .with_retry_after(Duration::from_secs(5))
}
