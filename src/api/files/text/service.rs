//! Reads the text of stored files.

use super::{FileText, NoText, Page, decode};
use crate::api::files::model::File;
use crate::api::files::{Files, Owner, is_text};
use crate::http::error::ApiError;
use crate::sandbox::Sandbox;

/// How much of a plain text is read.
const MAX_TEXT_BYTES: u64 = 8 << 20;

/// The texts of files. Clones share everything.
#[derive(Clone)]
pub struct FileTexts {
    files: Files,
    #[allow(dead_code)]
    sandbox: Sandbox,
}

impl FileTexts {
    /// Of these files. Documents are read in this sandbox, never in the server.
    pub fn new(files: Files, sandbox: Sandbox) -> Self {
        Self { files, sandbox }
    }

    /// Whether files of this type have a text.
    pub fn has_text(media_type: &str) -> bool {
        is_text(media_type)
    }

    /// The text of a file of the owner's.
    pub async fn read(&self, owner: &Owner, file: &File) -> Result<FileText, NoText> {
        if is_text(&file.media_type) {
            return self.plain_text(owner, file).await;
        }
        Err(NoText::never(format!("is of the type {}, which has no text", file.media_type)))
    }

    async fn plain_text(&self, owner: &Owner, file: &File) -> Result<FileText, NoText> {
        let length = file.size.min(MAX_TEXT_BYTES);
        let bytes = self.files.read_part(owner, file.id, 0, length).await.map_err(unread)?;
        let decoded = decode(&bytes).ok_or_else(|| NoText::never("is not a text"))?;
        let cut = (length < file.size)
            .then(|| format!("Only the first {} MiB of it are read.", MAX_TEXT_BYTES >> 20));
        let notes: Vec<_> = decoded.note.into_iter().chain(cut).collect();
        Ok(FileText {
            pages: vec![Page { number: None, text: decoded.text.into_owned() }],
            note: (!notes.is_empty()).then(|| notes.join(" ")),
        })
    }
}

/// What went wrong while the bytes were read.
fn unread(error: ApiError) -> NoText {
    let reason = format!("could not be read: {}", error.detail());
    if error.status().is_client_error() { NoText::never(reason) } else { NoText::not_now(reason) }
}
