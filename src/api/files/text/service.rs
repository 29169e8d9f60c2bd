//! Reads the text of stored files, and keeps that of documents.

use std::sync::Arc;

use bytes::Bytes;
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use uuid::Uuid;

use super::document::{DocumentReaders, Format, Turn};
use super::{FileText, NoText, Page, decode, decode_start};
use crate::api::files::model::File;
use crate::api::files::{Files, Owner, is_text};
use crate::http::error::ApiError;
use crate::http::single_flight::{Next, SingleFlight};
use crate::sandbox::{Client, Sandbox};

/// How much of a plain text is read.
const MAX_TEXT_BYTES: u64 = 8 << 20;
/// How much text of documents is kept, of all users together.
const MAX_KEPT_BYTES: u64 = 32 << 20;
/// About how many documents that are.
const KEPT_DOCUMENTS: usize = 1_000;

/// The text of a file, or why there is none.
pub type ReadText = Result<Arc<FileText>, NoText>;

/// A file's id and digest: what is stored under an id can be replaced by its owner.
type Key = (Uuid, String);

/// The texts of files. Clones share everything.
#[derive(Clone)]
pub struct FileTexts {
    files: Files,
    sandbox: Sandbox,
    kept: Arc<Cache<Key, ReadText, ByBytes>>,
    reading: SingleFlight<Key, ReadText>,
}

#[derive(Clone)]
struct ByBytes;

impl Weighter<Key, ReadText> for ByBytes {
    fn weight(&self, _: &Key, read: &ReadText) -> u64 {
        let pages = read.iter().flat_map(|text| &text.pages);
        let bytes: usize = pages.map(|page| page.text.len() + size_of::<Page>()).sum();
        1_024 + bytes as u64
    }
}

impl FileTexts {
    /// Of these files. Documents are read in this sandbox, never in the server.
    pub fn new(files: Files, sandbox: Sandbox) -> Self {
        let kept = Cache::with_weighter(KEPT_DOCUMENTS, MAX_KEPT_BYTES, ByBytes);
        Self { files, sandbox, kept: Arc::new(kept), reading: SingleFlight::default() }
    }

    /// The files.
    pub fn files(&self) -> &Files {
        &self.files
    }

    /// Whether files of this type may have a text.
    pub fn has_text(media_type: &str) -> bool {
        is_text(media_type) || Self::is_document(media_type)
    }

    /// Whether files of this type are documents, whose text a script reads.
    pub fn is_document(media_type: &str) -> bool {
        Format::from_media_type(media_type).is_some()
    }

    /// Which documents can be read here. Waits until it is known whether there is Python.
    pub async fn readers(&self) -> DocumentReaders {
        DocumentReaders::of(&self.sandbox).await
    }

    /// The text of a file of the owner's.
    pub async fn read(&self, owner: &Owner, file: &File) -> ReadText {
        match Format::from_media_type(&file.media_type) {
            Some(format) => self.document(owner, file, format).await,
            None if is_text(&file.media_type) => self.plain_text(owner, file).await.map(Arc::new),
            None => {
                let reason = format!("is of the type {}, which has no text", file.media_type);
                Err(NoText::never(reason))
            }
        }
    }

    /// The text of a document that is not stored.
    pub async fn read_bytes(&self, client: Client, media_type: &str, bytes: Bytes) -> ReadText {
        self.readers().await.check(media_type)?;
        let format = Format::from_media_type(media_type);
        let format = format.ok_or_else(|| NoText::never("is no document"))?;
        Turn::wait(&self.sandbox, client, format).await?.read(bytes).await.map(Arc::new)
    }

    async fn plain_text(&self, owner: &Owner, file: &File) -> Result<FileText, NoText> {
        let length = file.size.min(MAX_TEXT_BYTES);
        let bytes = self.files.read_part(owner, file.id, 0, length).await.map_err(unread)?;
        let is_cut = length < file.size;
        let decoded = if is_cut { decode_start(&bytes) } else { decode(&bytes) };
        let decoded = decoded.ok_or_else(|| NoText::never("is not a text"))?;
        let cut =
            is_cut.then(|| format!("Only the first {} MiB of it are read.", MAX_TEXT_BYTES >> 20));
        let notes: Vec<_> = decoded.note.into_iter().chain(cut).collect();
        Ok(FileText {
            pages: vec![Page { number: None, text: decoded.text.into_owned() }],
            note: (!notes.is_empty()).then(|| notes.join(" ")),
        })
    }

    /// Who asks for the same document at the same time waits for one reading.
    async fn document(&self, owner: &Owner, file: &File, format: Format) -> ReadText {
        let key = (file.id, file.sha256.clone());
        let (texts, owner, file) = (self.clone(), owner.clone(), file.clone());
        let next = || match self.kept.get(&key) {
            Some(read) => Next::Known(read),
            None => {
                let key = key.clone();
                Next::Start(async move {
                    let read = texts.read_document(&owner, &file, format).await.map(Arc::new);
                    if read.as_ref().err().is_none_or(|no_text| !no_text.is_temporary) {
                        texts.kept.insert(key, read.clone());
                    }
                    read
                })
            }
        };
        let read = self.reading.run(key.clone(), next).await;
        read.unwrap_or_else(|| Err(NoText::not_now("could not be read")))
    }

    async fn read_document(
        &self,
        owner: &Owner,
        file: &File,
        format: Format,
    ) -> Result<FileText, NoText> {
        let readers = self.readers().await;
        readers.check(&file.media_type)?;
        if file.size > readers.max_bytes {
            let most = readers.max_bytes >> 20;
            return Err(NoText::never(format!("is too large to be read: at most {most} MiB")));
        }
        // The bytes are in memory only while it is read.
        let turn = Turn::wait(&self.sandbox, owner.client(), format).await?;
        let size = usize::try_from(file.size).unwrap_or(usize::MAX);
        let bytes = self.files.read(owner, file.id, size).await.map_err(unread)?;
        turn.read(bytes).await
    }
}

/// What went wrong while the bytes were read.
#[allow(clippy::needless_pass_by_value, reason = "map_err hands it over")]
fn unread(error: ApiError) -> NoText {
    let reason = format!("could not be read: {}", error.detail());
    if error.status().is_client_error() { NoText::never(reason) } else { NoText::not_now(reason) }
}
