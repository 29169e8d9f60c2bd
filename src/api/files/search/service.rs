//! The search service: who is being indexed, and searches.

use std::collections::{HashMap, HashSet};
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Deserialize;
use tokio::sync::{Semaphore, mpsc, watch};
use uuid::Uuid;

use super::model::{DEFAULT_LIMIT, FileSearchQuery, FoundPassages, PassageOfFile, UnreadFile};
use super::words;
use crate::api::files::service::{Files, Owner};
use crate::api::files::text::FileTexts;
use crate::database::{self, SearchPassages};
use crate::http::error::ApiError;
use crate::http::rate_limit::Limits;
use crate::supabase::{Supabase, SupabaseError};

/// How many files of all users are read at once.
const READERS: usize = 2;
/// How many users can wait for their files to be read. Those of others are read when they search.
const MAX_USERS: usize = 1_000;
/// How long a search waits for files that are still to be read.
const PATIENCE: Duration = Duration::from_secs(5);
/// How many unread files are counted.
const MAX_COUNTED: usize = 200;
/// Why a file is not searched that would be more than its user may have.
const FULL: &str = "is not searched, because your files have as many passages as they may have; it is when \
                    others are deleted";

/// Search over files. Clones share everything.
#[derive(Clone)]
pub struct FileSearch(Arc<Inner>);

/// What they share.
pub struct Inner {
    pub(super) supabase: Supabase,
    pub(super) texts: FileTexts,
    pub(super) readers: Semaphore,
    limits: Limits,
    /// The users whose files are being read.
    users: Mutex<HashMap<Uuid, Reading>>,
}

/// Why files cannot be read at the moment, by their ids: words that follow a file's name.
pub(super) type Reasons = HashMap<Uuid, String>;

/// A file that found no room.
#[derive(Deserialize)]
struct FullFile {
    file_id: Uuid,
    name: String,
}

/// The files of a user are being read.
struct Reading {
    /// Closed when that has ended.
    ended: watch::Receiver<Reasons>,
    /// Whether a file has come since it began.
    has_more: bool,
}

impl Deref for FileSearch {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl FileSearch {
    /// Searches these files, and reads them when they are uploaded.
    pub fn new(supabase: Supabase, files: &Files, texts: FileTexts, limits: Limits) -> Self {
        let readers = Semaphore::new(READERS);
        let users = Mutex::default();
        let search = Self(Arc::new(Inner { supabase, texts, readers, limits, users }));
        search.clone().follow(files.stored());
        search
    }

    /// Reads what is uploaded.
    fn follow(self, mut stored: mpsc::Receiver<Owner>) {
        tokio::spawn(async move {
            while let Some(owner) = stored.recv().await {
                self.begin(&owner);
            }
        });
    }

    /// Begins to read the owner's files, unless that is under way. The answer is closed at the end; there is
    /// none if too many users wait.
    fn begin(&self, owner: &Owner) -> Option<watch::Receiver<Reasons>> {
        let mut users = self.users();
        if let Some(reading) = users.get_mut(&owner.id) {
            reading.has_more = true;
            return Some(reading.ended.clone());
        }
        if users.len() >= MAX_USERS {
            return None;
        }
        let (end, ended) = watch::channel(Reasons::new());
        users.insert(owner.id, Reading { ended: ended.clone(), has_more: false });
        let mut turn = IndexTurn { search: self.clone(), owner: owner.clone(), is_over: false };
        tokio::spawn(async move {
            while !turn.is_over {
                match turn.search.index_all(&turn.owner).await {
                    Ok(reasons) => drop(end.send_replace(reasons)),
                    Err(error) => {
                        tracing::warn!("files are left to be indexed later: {error}");
                        break;
                    }
                }
                turn.end_unless_more();
            }
            drop((turn, end));
        });
        Some(ended)
    }

    /// The passages that fit best. Files that are still to be read are waited for, but not for long.
    pub(super) async fn search(
        &self,
        owner: &Owner,
        query: FileSearchQuery,
    ) -> Result<FoundPassages, ApiError> {
        let query = query.checked()?;
        let p_words = words::asked(&query.q);
        if p_words.is_empty() {
            return Err(ApiError::invalid("/q", "has no words to search for"));
        }
        let reasons = match self.begin(owner) {
            Some(mut ended) => {
                let end = async { while ended.changed().await.is_ok() {} };
                let _ = tokio::time::timeout(PATIENCE, end).await;
                ended.borrow().clone()
            }
            None => Reasons::new(),
        };
        let p_limit = usize::try_from(query.limit.unwrap_or(DEFAULT_LIMIT)).unwrap_or(usize::MAX);
        let (p_chat_id, p_file_id) = (query.chat_id, query.file_id);
        let search = SearchPassages { p_words, p_limit, p_chat_id, p_file_id };
        let _turn = self.limits.searches.take(owner.id).await?;
        let found = database::call(self.supabase.rest(owner.caller()), &search);
        let unread = self.unindexed(owner, MAX_COUNTED);
        let (found, unread, full) = tokio::try_join!(found, unread, self.full(owner))?;
        let passages = found.into_iter().map(PassageOfFile::from).collect();
        let unread = unread.into_iter().map(|file| UnreadFile {
            file_id: file.id,
            reason: reasons.get(&file.id).cloned(),
            name: file.name,
        });
        // A file can find no room between the two looks.
        let mut seen = HashSet::new();
        let unread_files = unread.chain(full).filter(|file| seen.insert(file.file_id)).collect();
        Ok(FoundPassages { passages, unread_files })
    }

    /// The owner's files that found no room.
    async fn full(&self, owner: &Owner) -> Result<Vec<UnreadFile>, SupabaseError> {
        let query = self.supabase.rest(owner.caller()).from("indexed_files").eq("status", "full");
        let files: Vec<FullFile> = query.select("file_id,name").limit(MAX_COUNTED).value().await?;
        let unread = |FullFile { file_id, name }| UnreadFile {
            file_id,
            name,
            reason: Some(FULL.to_owned()),
        };
        Ok(files.into_iter().map(unread).collect())
    }

    fn users(&self) -> MutexGuard<'_, HashMap<Uuid, Reading>> {
        self.users.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to read a user's files. When it is dropped, somebody else can begin.
struct IndexTurn {
    search: FileSearch,
    owner: Owner,
    is_over: bool,
}

impl IndexTurn {
    /// Ends, unless files have come since the last look.
    fn end_unless_more(&mut self) {
        let mut users = self.search.users();
        match users.get_mut(&self.owner.id) {
            Some(reading) if reading.has_more => reading.has_more = false,
            _ => {
                users.remove(&self.owner.id);
                self.is_over = true;
            }
        }
    }
}

impl Drop for IndexTurn {
    fn drop(&mut self) {
        if !self.is_over {
            self.search.users().remove(&self.owner.id);
        }
    }
}
