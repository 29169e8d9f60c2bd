//! Files in Supabase. Row-level security ensures that users reach only their own.

use bytes::Bytes;
use futures_util::Stream;
use serde_json::json;
use uuid::Uuid;

use super::model::{File, FileFilter, UpdateFile};
use super::service::{Files, MAX_FILES, Owner};
use crate::database::{self, BeginFile, BeginFileReply, FinishFile, FinishFileReply, SearchFiles};
use crate::http::error::{ApiError, one_or_not_found};
use crate::http::extract::{Cursor, Keyed, Page, SortOrder};
use crate::supabase::{Download, Query, Rows, SupabaseError};

/// The columns of [`File`]; its `url` is added when it is read.
pub(in crate::api) const COLUMNS: &str =
    "id,user_id,chat_id,name,media_type,size,sha256,metadata,created_at,updated_at,refused_by";

/// Files, sorted by creation.
pub(in crate::api) const LIST: Keyed = Keyed::by("file", &["created_at"]);

impl Files {
    pub(super) async fn begin(
        &self,
        owner: &Owner,
        id: Uuid,
        upload_id: Uuid,
        name: &str,
    ) -> Result<BeginFileReply, ApiError> {
        let begin = BeginFile {
            p_id: id,
            p_upload_id: upload_id,
            p_name: name,
            p_quota: self.quota(owner),
            p_max_files: MAX_FILES,
        };
        Ok(database::call(self.supabase.rest(owner.caller()), &begin).await?)
    }

    pub(super) async fn end(
        &self,
        owner: &Owner,
        finish: &FinishFile<'_>,
    ) -> Result<FinishFileReply, ApiError> {
        Ok(database::call(self.supabase.rest(owner.caller()), finish).await?)
    }

    /// A page of the owner's files, newest first.
    pub(super) async fn page(
        &self,
        owner: &Owner,
        filter: &FileFilter,
        page: &Page,
    ) -> Result<Rows, ApiError> {
        let query = self.newest_first(owner, filter, page.after);
        Ok(query.page(page.limit_with_next()).await?)
    }

    /// The owner's newest files.
    pub async fn list(
        &self,
        owner: &Owner,
        filter: &FileFilter,
        limit: usize,
    ) -> Result<Vec<File>, ApiError> {
        Ok(self.newest_first(owner, filter, None).limit(limit).value().await?)
    }

    fn newest_first<'a>(
        &'a self,
        owner: &'a Owner,
        filter: &FileFilter,
        after: Option<Cursor>,
    ) -> Query<'a> {
        let rest = self.supabase.rest(owner.caller());
        let mut query = match &filter.q {
            // By POST, since PostgREST takes a word like "eq.1" in a URL for a filter.
            Some(q) => database::request(rest, &SearchFiles { q }),
            None => rest.from("files"),
        };
        if let Some(chat_id) = filter.chat_id {
            query = query.eq("chat_id", chat_id);
        }
        let query = query.eq("status", "ready").select(COLUMNS);
        LIST.page(query, SortOrder::Descending, after)
    }

    /// A file's row, unchanged and parsed; 404 if there is none.
    pub(super) async fn file(&self, owner: &Owner, id: Uuid) -> Result<(Bytes, File), ApiError> {
        let row = one_or_not_found(self.by_id(owner, id).select(COLUMNS), "file").await?;
        let file =
            serde_json::from_slice(&row).map_err(|error| ApiError::unreadable("file", error))?;
        Ok((row, file))
    }

    /// A file; 404 if it is not the owner's.
    pub async fn get(&self, owner: &Owner, id: Uuid) -> Result<File, ApiError> {
        Ok(self.file(owner, id).await?.1)
    }

    /// Those of these files that exist, in no particular order.
    pub async fn get_many(&self, owner: &Owner, ids: &[Uuid]) -> Result<Vec<File>, ApiError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<_> = ids.iter().map(Uuid::to_string).collect();
        let query = self.supabase.rest(owner.caller()).from("files").eq("status", "ready");
        let query = query.parameter("id", format_args!("in.({})", ids.join(",")));
        Ok(query.select(COLUMNS).value().await?)
    }

    /// All bytes of a file that has at most `max_bytes`.
    pub async fn read(&self, owner: &Owner, id: Uuid, max_bytes: usize) -> Result<Bytes, ApiError> {
        let read = self.bucket(owner).read(&owner.object(id), max_bytes).await;
        read.map_err(|error| ApiError::from_one(error, "file"))
    }

    /// Reads a range of a file, which must exist in full.
    pub async fn read_part(
        &self,
        owner: &Owner,
        id: Uuid,
        offset: u64,
        length: u64,
    ) -> Result<Bytes, ApiError> {
        match usize::try_from(length).unwrap_or(usize::MAX) {
            0 => Ok(Bytes::new()),
            length => {
                let read = self.bucket(owner).read_part(&owner.object(id), offset, length).await;
                read.map_err(|error| ApiError::from_one(error, "file"))
            }
        }
    }

    /// The bytes of a file as a stream, or those from the first to the last of a range.
    pub async fn stream(
        &self,
        owner: &Owner,
        id: Uuid,
        range: Option<(u64, u64)>,
    ) -> Result<Download<impl Stream<Item = Result<Bytes, SupabaseError>> + Send + use<>>, ApiError>
    {
        let download = self.bucket(owner).download(&owner.object(id), range).await;
        download.map_err(|error| ApiError::from_one(error, "file"))
    }

    pub(super) async fn update(
        &self,
        owner: &Owner,
        id: Uuid,
        changes: &UpdateFile,
    ) -> Result<Bytes, ApiError> {
        let query = self.by_id(owner, id);
        let query = if changes.is_empty() { query } else { query.update(changes) };
        one_or_not_found(query.select(COLUMNS), "file").await
    }

    /// Records that a provider could not read these files.
    pub async fn refuse(
        &self,
        owner: &Owner,
        ids: &[Uuid],
        provider: &str,
    ) -> Result<(), ApiError> {
        let ids: Vec<_> = ids.iter().map(Uuid::to_string).collect();
        let query = self.supabase.rest(owner.caller()).from("files");
        let query = query.parameter("id", format_args!("in.({})", ids.join(",")));
        query.update(&json!({ "refused_by": provider })).select("id").rows().await?;
        Ok(())
    }

    pub(super) fn by_id<'a>(&'a self, owner: &'a Owner, id: Uuid) -> Query<'a> {
        self.supabase.rest(owner.caller()).from("files").eq("id", id).eq("status", "ready")
    }
}
