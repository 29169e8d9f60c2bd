//! Functions about the text of files.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Function;

/// Puts passages in the place of what there is of a file.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct SavePassages<'a> {
    pub p_file_id: Uuid,
    pub p_sha256: &'a str,
    pub p_name: &'a str,
    /// By which rules the passages were made: a higher number makes all files be read again.
    pub p_version: u32,
    pub p_status: IndexStatus,
    pub p_passages: &'a [NewPassage],
    pub p_note: Option<&'a str>,
}

/// Whether a file has text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum IndexStatus {
    /// It has.
    Indexed,
    /// It has none, or none that can be read.
    NoText,
}

/// A passage to be stored.
#[derive(Debug, Serialize)]
pub struct NewPassage {
    /// The page that it is on, where there are pages.
    pub page: Option<u32>,
    /// Its first line of the file, where there are no pages.
    pub first_line: Option<u32>,
    /// Its last line.
    pub last_line: Option<u32>,
    /// Its text.
    pub content: String,
    /// The words by which it is found, separated by spaces.
    pub words: String,
}

/// What became of the passages of a file.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum SavePassagesReply {
    /// They are stored.
    Stored,
    /// The user has as many as they may have.
    Full,
    /// There is no such file, or it is another one by now.
    Gone,
}

impl Function for SavePassages<'_> {
    const NAME: &'static str = "save_passages";
    const IS_REPEATABLE: bool = true;
    type Reply = SavePassagesReply;
}

/// Finds passages of the caller's files, best first.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct SearchPassages {
    /// For each word the forms that count as it.
    pub p_words: Vec<Vec<String>>,
    pub p_limit: usize,
    pub p_chat_id: Option<Uuid>,
    pub p_file_id: Option<Uuid>,
}

/// A passage that was found.
#[derive(Clone, Debug, Deserialize)]
pub struct FoundPassage {
    /// The file that it is from.
    pub file_id: Uuid,
    /// Which one of the file's it is.
    pub ordinal: u32,
    /// The file's name.
    pub name: String,
    /// The file's media type.
    pub media_type: String,
    /// Its page.
    pub page: Option<u32>,
    /// Its first line.
    pub first_line: Option<u32>,
    /// Its last line.
    pub last_line: Option<u32>,
    /// Its text.
    pub content: String,
    /// How well it fits. Only the order means anything.
    pub score: f64,
}

impl Function for SearchPassages {
    const NAME: &'static str = "search_passages";
    const IS_REPEATABLE: bool = true;
    type Reply = Vec<FoundPassage>;
}

/// The caller's files that are still to be read, newest first: at most 200.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct UnindexedFiles {
    pub p_version: u32,
    pub p_limit: usize,
}

/// A file that is still to be read.
#[derive(Clone, Debug, Deserialize)]
pub struct UnindexedFile {
    /// ID of the file.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// Its media type.
    pub media_type: String,
    /// Its size in bytes.
    pub size: u64,
    /// The digest of its content.
    pub sha256: String,
}

impl Function for UnindexedFiles {
    const NAME: &'static str = "unindexed_files";
    const IS_REPEATABLE: bool = true;
    type Reply = Vec<UnindexedFile>;
}
