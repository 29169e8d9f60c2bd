//! The row of an upload: claimed before its bytes are sent, and marked ready afterwards.

use axum::http::StatusCode;
use uuid::Uuid;

use super::error::{busy, over_quota};
use super::metadata::{FileMetadata, FormFields};
use crate::api::files::service::{Files, MAX_FILES, Owner};
use crate::database::{BeginFileReply, FinishFile, FinishFileReply};
use crate::http::error::ApiError;
use crate::http::response::Created;
use crate::json;

/// One attempt to upload a file. Its id is claimed for it alone.
#[derive(Clone)]
pub(super) struct Upload {
    pub(super) files: Files,
    pub(super) owner: Owner,
    pub(super) id: Uuid,
    /// Distinguishes this attempt from others with the same ID.
    pub(super) upload_id: Uuid,
    pub(super) name: String,
    pub(super) media_type: String,
    /// The size in bytes, if it is known.
    pub(super) length: Option<u64>,
}

impl Upload {
    /// Claims the id. Returns how many more bytes the user may store, or `None` if the id is a file of
    /// theirs.
    pub(super) async fn claim(&self) -> Result<Option<u64>, ApiError> {
        match self.files.begin(&self.owner, self.id, self.upload_id, &self.name).await? {
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

    /// Renews the claim. A failure is ignored, because the commit checks the claim again.
    pub(super) async fn renew(&self) {
        let renewed = self.files.begin(&self.owner, self.id, self.upload_id, &self.name).await;
        if let Err(error) = renewed {
            tracing::warn!("an upload's claim was not renewed: {}", error.detail());
        }
    }

    /// Marks the row ready, once its bytes are in Storage.
    pub(super) async fn make_ready(
        &self,
        fields: &FormFields,
        file: &FileMetadata,
    ) -> Result<Created, ApiError> {
        let finish = FinishFile {
            p_id: self.id,
            p_upload_id: self.upload_id,
            p_name: &file.name,
            p_media_type: &file.media_type,
            p_size: file.digest.size,
            p_sha256: &file.digest.sha256,
            p_quota: self.files.quota(&self.owner),
            p_chat_id: fields.chat_id,
            p_metadata: &fields.metadata,
        };
        match self.files.end(&self.owner, &finish).await? {
            FinishFileReply::Stored => {
                self.files.notify_stored(&self.owner);
                Ok(Created::Now(self.files.file(&self.owner, self.id).await?.0))
            }
            FinishFileReply::OverQuota => Err(over_quota(self.files.quota(&self.owner))),
            FinishFileReply::NoChat => Err(ApiError::not_found("chat")),
            FinishFileReply::Lost => Err(busy()),
        }
    }

    /// Gives up the claim and removes the bytes from Storage.
    pub(super) async fn discard(&self) {
        self.files.discard(&self.owner, self.id, self.upload_id).await;
    }
}

/// The stored file with this id, if it is the same as the upload; else 409.
pub(super) async fn already_stored(
    files: &Files,
    owner: &Owner,
    id: Uuid,
    fields: &FormFields,
    file: &FileMetadata,
) -> Result<Created, ApiError> {
    let (row, stored) = files.file(owner, id).await?;
    let same = stored.sha256 == file.digest.sha256
        && stored.size == file.digest.size
        && stored.name == file.name
        && stored.chat_id == fields.chat_id
        && json::is_same_object(&stored.metadata, &fields.metadata);
    if same { Ok(Created::Before(row)) } else { Err(ApiError::id_conflict()) }
}
