//! Reads files that are not indexed yet. A file has a row in `indexed_files` when it has been read, so that
//! nothing is lost when the server ends in between.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use serde_json::Map;

use super::divide::divide;
use super::service::{FileSearch, Reasons};
use super::structure::Format;
use super::words;
use crate::api::files::model::File;
use crate::api::files::service::Owner;
use crate::api::files::text::FileText;
use crate::compute::compute;
use crate::database::{
    self, IndexStatus, NewPassage, SavePassages, SavePassagesReply, UnindexedFile, UnindexedFiles,
};
use crate::supabase::{SupabaseError, SupabaseErrorKind};

/// How many files are asked for at once, and read in one go.
const BATCH: usize = 50;
const MAX_FILES: usize = 1_000;
/// The longest note, in characters.
const MAX_NOTE: usize = 500;

/// What is stored of a file.
struct Indexed {
    status: IndexStatus,
    passages: Vec<NewPassage>,
    note: Option<String>,
}

impl FileSearch {
    /// The owner's files that are still to be read: at most `limit`.
    pub(super) async fn unindexed(
        &self,
        owner: &Owner,
        limit: usize,
    ) -> Result<Vec<UnindexedFile>, SupabaseError> {
        let unindexed = UnindexedFiles { p_version: words::VERSION, p_limit: limit };
        database::call(self.supabase.rest(owner.caller()), &unindexed).await
    }

    /// Reads the owner's files that are still to be read, one at a time, and after each one of another user's.
    /// Answers which cannot be read at the moment.
    pub(super) async fn index_all(&self, owner: &Owner) -> Result<Reasons, SupabaseError> {
        let (mut tried, mut reasons) = (HashSet::new(), Reasons::new());
        while tried.len() < MAX_FILES {
            // What cannot be read now is named again, before what is older.
            let mut files = self.unindexed(owner, BATCH + reasons.len()).await?;
            files.retain(|file| tried.insert(file.id));
            if files.is_empty() {
                break;
            }
            for file in files {
                let _permit = self.readers.acquire().await;
                let id = file.id;
                match self.index(owner, file).await.or_else(of_the_file)? {
                    // A smaller one may fit where another one did not.
                    Ok(
                        SavePassagesReply::Stored
                        | SavePassagesReply::Full
                        | SavePassagesReply::Gone,
                    ) => {}
                    Err(reason) => drop(reasons.insert(id, reason)),
                }
            }
        }
        Ok(reasons)
    }

    /// Reads a file and stores its passages, or answers why it cannot be read at the moment.
    async fn index(
        &self,
        owner: &Owner,
        file: UnindexedFile,
    ) -> Result<Result<SavePassagesReply, String>, SupabaseError> {
        let described = described(owner, &file);
        let Indexed { status, passages, note } = match self.texts.read(owner, &described).await {
            Ok(text) => indexed(&file, text).await,
            Err(reason) if reason.is_temporary => return Ok(Err(reason.reason)),
            Err(reason) => Indexed {
                status: IndexStatus::NoText,
                passages: Vec::new(),
                note: Some(reason.reason),
            },
        };
        let note: Option<String> = note.map(|note| note.chars().take(MAX_NOTE).collect());
        let save = SavePassages {
            p_file_id: file.id,
            p_sha256: &file.sha256,
            p_name: &file.name,
            p_version: words::VERSION,
            p_status: status,
            p_passages: &passages,
            p_note: note.as_deref(),
        };
        database::call(self.supabase.rest(owner.caller()), &save).await.map(Ok)
    }
}

/// An error that other files may well not have is a reason why this one cannot be read.
fn of_the_file(error: SupabaseError) -> Result<Result<SavePassagesReply, String>, SupabaseError> {
    use SupabaseErrorKind::{InvalidValue, Refused, Timeout, TooLarge};
    match error.kind {
        InvalidValue | Refused | Timeout | TooLarge => {
            tracing::warn!("the passages of a file are not stored: {error}");
            Ok(Err("could not be indexed".to_owned()))
        }
        _ => Err(error),
    }
}

/// The passages of a text. One that makes this fail is not tried again.
async fn indexed(file: &UnindexedFile, text: Arc<FileText>) -> Indexed {
    let (name, format) = (file.name.clone(), Format::of(&file.name, &file.media_type));
    let made = compute(move || catch_unwind(AssertUnwindSafe(|| make(&name, format, &text))).ok());
    made.await.unwrap_or_else(|| {
        let note = Some("could not be divided into passages".to_owned());
        Indexed { status: IndexStatus::NoText, passages: Vec::new(), note }
    })
}

fn make(name: &str, format: Format, text: &FileText) -> Indexed {
    let (divided, is_cut) = divide(&text.pages, format);
    if divided.is_empty() {
        let note = text.note.clone().or_else(|| Some("has no text".to_owned()));
        return Indexed { status: IndexStatus::NoText, passages: Vec::new(), note };
    }
    let passages = divided.into_iter().map(|passage| NewPassage {
        page: passage.page,
        first_line: passage.lines.map(|(first, _)| first),
        last_line: passage.lines.map(|(_, last)| last),
        // A passage is found by the name of its file, too.
        words: words::stored(&format!("{}\n{name}", passage.content)),
        content: passage.content,
    });
    let passages: Vec<_> = passages.collect();
    let cut = is_cut.then(|| format!("Only its first {} passages are searched.", passages.len()));
    let notes: Vec<_> = text.note.clone().into_iter().chain(cut).collect();
    let note = (!notes.is_empty()).then(|| notes.join(" "));
    Indexed { status: IndexStatus::Indexed, passages, note }
}

/// What is known of a file, as those who read it expect it.
fn described(owner: &Owner, file: &UnindexedFile) -> File {
    let UnindexedFile { id, name, media_type, size, sha256 } = file.clone();
    let (created_at, updated_at) = (String::new(), String::new());
    File {
        id,
        user_id: owner.id,
        chat_id: None,
        name,
        media_type,
        size,
        sha256,
        metadata: Map::new(),
        created_at,
        updated_at,
        refused_by: None,
        url: None,
    }
}
