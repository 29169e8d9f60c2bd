//! Functions about files.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::Function;
use crate::supabase::Rows;

/// Claims an id for an upload. The claim belongs to `p_upload_id`: the same again gets the same reply.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct BeginFile<'a> {
    pub p_id: Uuid,
    pub p_upload_id: Uuid,
    pub p_name: &'a str,
    pub p_quota: u64,
    pub p_max_files: u64,
}

/// Whether the id is claimed.
#[derive(Debug, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum BeginFileReply {
    /// It is.
    Started {
        /// How many more bytes the user may store.
        room: u64,
    },
    /// The id is a file of the user's already.
    Exists,
    /// Another upload has claimed it.
    Busy,
    /// The id is in use.
    Conflict,
    /// The user has as many files as they may have.
    TooMany,
}

impl Function for BeginFile<'_> {
    const NAME: &'static str = "begin_file";
    const IS_REPEATABLE: bool = true;
    type Reply = BeginFileReply;
}

/// Makes an upload whose bytes are stored a file.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct FinishFile<'a> {
    pub p_id: Uuid,
    pub p_upload_id: Uuid,
    pub p_name: &'a str,
    pub p_media_type: &'a str,
    pub p_size: u64,
    pub p_sha256: &'a str,
    pub p_quota: u64,
    pub p_chat_id: Option<Uuid>,
    pub p_metadata: &'a Map<String, Value>,
}

/// Whether the upload is a file now.
#[derive(Debug, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum FinishFileReply {
    /// It is.
    Stored,
    /// The upload exceeds the quota.
    OverQuota,
    /// The chat does not exist.
    NoChat,
    /// The claim has lapsed, or another upload has it.
    Lost,
}

impl Function for FinishFile<'_> {
    const NAME: &'static str = "finish_file";
    const IS_REPEATABLE: bool = true;
    type Reply = FinishFileReply;
}

/// Finds files by a text in their name.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct SearchFiles<'a> {
    pub q: &'a str,
}

impl Function for SearchFiles<'_> {
    const NAME: &'static str = "search_files";
    const IS_REPEATABLE: bool = true;
    type Reply = Rows;
}
