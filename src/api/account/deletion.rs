//! Deletes accounts: the mark first, then the bytes of files, the rows, and the user last. Each step may be
//! made again, so whatever fails, or ends with its server, is finished later by any replica.

use std::time::Duration;

use tokio::time::{sleep, timeout};
use tracing::{info, warn};
use uuid::Uuid;

use super::service::Accounts;
use crate::api::files::BUCKET;
use crate::database::{
    self, BeginAccountDeletion, ClaimAccountDeletions, DeleteAccountRows, EndAccountDeletion,
};
use crate::http::error::ApiError;
use crate::supabase::{Caller, SupabaseError, SupabaseErrorKind};

/// How long a request waits for the end of a deletion.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often deletions are looked for that were not finished.
const EVERY: Duration = Duration::from_secs(60);
/// How many objects are listed and removed at once.
const OBJECTS: usize = 1_000;

/// How far a deletion has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deletion {
    /// Everything is gone.
    Done,
    /// The account cannot be used any more, and the rest goes as soon as possible.
    Marked,
}

impl Accounts {
    /// Deletes an account. It goes on when the caller does not wait.
    pub(super) async fn delete(&self, user_id: Uuid) -> Result<Deletion, ApiError> {
        if !self.supabase.has_service_key() {
            return Err(ApiError::not_configured(
                "This server cannot delete accounts, because it has no service key. The operator has \
                 to set SUPABASE_SERVICE_ROLE_KEY.",
            ));
        }
        let begin = BeginAccountDeletion { p_user_id: user_id };
        database::call(self.supabase.rest(Caller::Service), &begin).await?;
        let accounts = self.clone();
        let work = self.tasks.spawn(async move { accounts.try_to_finish(user_id).await });
        Ok(match timeout(PATIENCE, work).await {
            Ok(Ok(true)) => Deletion::Done,
            _ => Deletion::Marked,
        })
    }

    /// Finishes deletions that were broken off, now and from time to time.
    pub async fn finish_deletions(&self) {
        if !self.supabase.has_service_key() {
            return;
        }
        loop {
            self.finish_claimed().await;
            sleep(EVERY).await;
        }
    }

    /// Finishes the deletions that nobody is at work on.
    pub async fn finish_claimed(&self) {
        loop {
            let rest = self.supabase.rest(Caller::Service);
            match database::call(rest, &ClaimAccountDeletions {}).await {
                Ok(claimed) if claimed.is_empty() => return,
                Ok(claimed) => {
                    for user_id in claimed {
                        self.try_to_finish(user_id).await;
                    }
                }
                Err(error) => {
                    return warn!("accounts that are to be deleted are not known yet: {error}");
                }
            }
        }
    }

    async fn try_to_finish(&self, user_id: Uuid) -> bool {
        match self.finish_one(user_id).await {
            Ok(()) => {
                info!("the account {user_id} is deleted");
                true
            }
            Err(error) => {
                warn!("the account {user_id} is not deleted yet, which is tried again: {error}");
                false
            }
        }
    }

    /// Bytes go before the rows that name them. What an upload that was under way has stored meanwhile goes
    /// when this is done again, an hour later.
    async fn finish_one(&self, user_id: Uuid) -> Result<(), SupabaseError> {
        self.remove_objects(user_id).await?;
        let rows = DeleteAccountRows { p_user_id: user_id };
        while !database::call(self.supabase.rest(Caller::Service), &rows).await? {}
        match self.supabase.delete_user(user_id).await {
            Err(error) if error.kind != SupabaseErrorKind::UserNotFound => return Err(error),
            _ => {}
        }
        let end = EndAccountDeletion { p_user_id: user_id };
        database::call(self.supabase.rest(Caller::Service), &end).await.map(drop)
    }

    /// Removes all objects below the user's folder, in folders that other clients have made as well.
    async fn remove_objects(&self, user_id: Uuid) -> Result<(), SupabaseError> {
        let bucket = self.supabase.bucket(BUCKET, Caller::Service);
        let mut folders = vec![user_id.to_string()];
        while let Some(folder) = folders.pop() {
            // Folders stay in the list, objects go from it.
            let mut passed = 0;
            loop {
                let listed = bucket.list(&folder, passed, OBJECTS).await?;
                let count = listed.len();
                let path = |name: &str| format!("{folder}/{name}");
                let (objects, inner): (Vec<_>, Vec<_>) =
                    listed.iter().partition(|entry| entry.id.is_some());
                passed += inner.len();
                folders.extend(inner.iter().map(|entry| path(&entry.name)));
                let objects: Vec<_> = objects.iter().map(|entry| path(&entry.name)).collect();
                if !objects.is_empty() {
                    bucket.remove(&objects).await?;
                }
                if count < OBJECTS {
                    break;
                }
            }
        }
        Ok(())
    }
}
