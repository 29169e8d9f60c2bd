//! Deletions, and the cleanup of unfinished uploads: the bytes are deleted first, then the row.

use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use super::service::{Files, Owner};
use crate::http::error::ApiError;
use crate::supabase::{Query, SupabaseError};

/// Maximum number of files in one cleanup.
const BATCH_SIZE: usize = 200;

#[derive(Deserialize)]
struct Row {
    id: Uuid,
}

impl Files {
    /// Deletes a file. It is gone for its owner at once; the bytes are deleted even if the client
    /// disconnects.
    pub(super) async fn delete(&self, owner: &Owner, id: Uuid) -> Result<(), ApiError> {
        let (files, owner) = (self.clone(), owner.clone());
        let task = self.tasks.spawn(async move {
            let marked = files.mark(files.by_id(&owner, id)).await?;
            if marked.is_empty() {
                return Err(ApiError::not_found("file"));
            }
            files.try_remove(&owner, &marked).await;
            files.spawn_cleanup(&owner);
            Ok(())
        });
        task.await.map_err(|error| ApiError::internal(format!("a deletion crashed: {error}")))?
    }

    /// Reverts an upload that this attempt still owns.
    pub(super) async fn discard(&self, owner: &Owner, id: Uuid, upload_id: Uuid) {
        let query = self.supabase.rest(owner.caller()).from("files").eq("id", id);
        let query = query.eq("upload_id", upload_id).eq("status", "uploading");
        match self.mark(query).await {
            Ok(marked) => self.try_remove(owner, &marked).await,
            Err(error) => tracing::warn!("a broken upload is left to the next cleanup: {error}"),
        }
    }

    /// Finishes interrupted work in the background: deletions, and uploads whose claim has expired.
    pub(super) fn spawn_cleanup(&self, owner: &Owner) {
        let (files, owner) = (self.clone(), owner.clone());
        self.tasks.spawn(async move {
            let unfinished =
                "(status.eq.deleting,and(status.eq.uploading,lease_expires_at.lt.now))";
            let query = files.supabase.rest(owner.caller()).from("files");
            let query = query.parameter("or", unfinished);
            match files.mark(query).await {
                Ok(marked) => files.try_remove(&owner, &marked).await,
                Err(error) => tracing::warn!("unfinished files are left for later: {error}"),
            }
        });
    }

    /// Marks files as being deleted. Returns which ones.
    async fn mark(&self, query: Query<'_>) -> Result<Vec<Uuid>, SupabaseError> {
        let marked: Vec<Row> =
            query.update(&json!({ "status": "deleting" })).select("id").value().await?;
        Ok(marked.into_iter().map(|row| row.id).collect())
    }

    async fn try_remove(&self, owner: &Owner, ids: &[Uuid]) {
        for some in ids.chunks(BATCH_SIZE) {
            if let Err(error) = self.remove(owner, some).await {
                tracing::warn!("{} files are left to the next cleanup: {error}", some.len());
            }
        }
    }

    async fn remove(&self, owner: &Owner, ids: &[Uuid]) -> Result<(), SupabaseError> {
        let objects: Vec<_> = ids.iter().map(|id| owner.object(*id)).collect();
        self.bucket(owner).remove(&objects).await?;
        let list: Vec<_> = ids.iter().map(Uuid::to_string).collect();
        let query = self.supabase.rest(owner.caller()).from("files").eq("status", "deleting");
        let query = query.parameter("id", format_args!("in.({})", list.join(",")));
        query.delete().select("id").rows().await.map(drop)
    }
}
