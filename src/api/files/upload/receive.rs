//! Reading a file's bytes, from a form or from memory.

use bytes::Bytes;
use futures_util::{Stream, stream};
use uuid::Uuid;

use super::claim::{Upload, already_stored};
use super::content::Content;
use super::metadata::{FileMetadata, FormFields, NewFile};
use super::transfer::{Transfer, start};
use crate::api::files::model::File;
use crate::api::files::service::{Files, Owner};
use crate::api::files::{media_type, name};
use crate::http::error::ApiError;
use crate::http::response::Created;

/// A file whose bytes have all been received.
pub(super) enum Received {
    /// The bytes are on their way to Storage.
    New { transfer: Transfer, file: FileMetadata },
    /// The id is already a file: the bytes were only hashed.
    Existing { id: Uuid, file: FileMetadata },
}

impl Files {
    /// Adds a file whose bytes are already in memory.
    pub async fn write(
        &self,
        owner: &Owner,
        new: NewFile,
        bytes: impl Into<Bytes>,
    ) -> Result<File, ApiError> {
        let bytes = bytes.into();
        let pieces = stream::iter((!bytes.is_empty()).then_some(Ok(bytes)));
        let NewFile { id, name, media_type, chat_id, metadata } = new;
        let name = name::clean_path(&name);
        let received = self.receive(owner, id, name, media_type.as_deref(), pieces).await?;
        let fields = FormFields { id, chat_id, metadata };
        let (Created::Now(row) | Created::Before(row)) =
            self.complete(owner, received, fields).await?;
        serde_json::from_slice(&row).map_err(|error| ApiError::unreadable("file", error))
    }

    /// Reads the bytes of a file and sends them to Storage, under a claimed id.
    pub(super) async fn receive<S>(
        &self,
        owner: &Owner,
        id: Option<Uuid>,
        name: String,
        declared: Option<&str>,
        bytes: S,
    ) -> Result<Received, ApiError>
    where
        S: Stream<Item = Result<Bytes, ApiError>> + Unpin,
    {
        let mut content = Content::open(bytes, self.max_file_bytes().await).await?;
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
        let Some(room) = upload.claim().await? else {
            while content.next().await?.is_some() {}
            let file = FileMetadata { name, media_type, digest: content.digest() };
            return Ok(Received::Existing { id, file });
        };
        self.spawn_cleanup(owner);
        let transfer = start(upload, &mut content, room).await?;
        let file = FileMetadata { name, media_type, digest: content.digest() };
        Ok(Received::New { transfer, file })
    }

    /// Completes an upload. The same id and content again returns the stored file.
    pub(super) async fn complete(
        &self,
        owner: &Owner,
        received: Received,
        fields: FormFields,
    ) -> Result<Created, ApiError> {
        match received {
            Received::New { transfer, file } => transfer.complete(fields, file).await,
            Received::Existing { id, .. } if fields.id.is_some_and(|other| other != id) => {
                Err(ApiError::id_conflict())
            }
            Received::Existing { id, file } => {
                already_stored(self, owner, id, &fields, &file).await
            }
        }
    }
}
