//! The file service and the owners of files.

use std::sync::{Arc, OnceLock};

use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::limit::BucketLimit;
use crate::agent::Credentials;
use crate::clock::Clock;
use crate::config::file::plans::Plan;
use crate::config::{Config, FileHandle};
use crate::http::auth::{CurrentUser, is_guest, plan_of};
use crate::sandbox::Client;
use crate::supabase::{AccessToken, Bucket, Caller, Supabase};

/// The bucket of all files.
pub const BUCKET: &str = "files";
/// Maximum number of files of one user.
pub(super) const MAX_FILES: u64 = 100_000;

/// How many uploads the listener may be behind.
const MAX_NOTICES: usize = 1_000;

/// Files in Supabase. Clones share everything.
#[derive(Clone)]
pub struct Files {
    pub(super) supabase: Supabase,
    pub(super) clock: Clock,
    /// The maximum size of a file.
    pub max_bytes: u64,
    default_quota: u64,
    file: FileHandle,
    bucket_limit: BucketLimit,
    pub(super) tasks: TaskTracker,
    /// Who is notified that an upload is stored.
    stored: Arc<OnceLock<mpsc::Sender<Owner>>>,
}

/// The owner of files. Every request is made with their own token.
#[derive(Clone, Debug)]
pub struct Owner {
    /// The user.
    pub id: Uuid,
    /// Their access token.
    pub token: AccessToken,
}

impl Owner {
    /// For whom scripts are run.
    pub(in crate::api) fn client(&self) -> Client {
        Client { user: self.id, is_guest: is_guest(&self.token) }
    }

    pub(super) fn caller(&self) -> Caller<'_> {
        Caller::User(&self.token)
    }

    /// The name of a file's object.
    pub(super) fn object(&self, file_id: Uuid) -> String {
        format!("{}/{file_id}", self.id)
    }
}

impl From<&CurrentUser> for Owner {
    fn from(user: &CurrentUser) -> Self {
        Self { id: user.id, token: user.token.clone() }
    }
}

impl From<&Credentials> for Owner {
    fn from(credentials: &Credentials) -> Self {
        Self { id: credentials.user_id, token: credentials.token() }
    }
}

impl Files {
    /// Files in this Supabase, with these limits.
    pub fn new(supabase: Supabase, config: &Config, clock: Clock) -> Self {
        Self {
            supabase,
            clock,
            max_bytes: config.max_file_bytes,
            default_quota: config.user_file_quota_bytes,
            file: config.file.clone(),
            bucket_limit: BucketLimit::default(),
            tasks: TaskTracker::new(),
            stored: Arc::default(),
        }
    }

    /// The owners of uploads, when these are stored. For one listener, which may miss some.
    pub(super) fn stored(&self) -> mpsc::Receiver<Owner> {
        let (sender, receiver) = mpsc::channel(MAX_NOTICES);
        let _ = self.stored.set(sender);
        receiver
    }

    /// Notifies the listener that an upload of this owner's is stored.
    pub(super) fn notify_stored(&self, owner: &Owner) {
        if let Some(listener) = self.stored.get() {
            let _ = listener.try_send(owner.clone());
        }
    }

    /// The total size of this user's files: their plan's, else `USER_FILE_QUOTA_BYTES`.
    pub(super) fn quota(&self, owner: &Owner) -> u64 {
        let plan = self.plan(owner);
        plan.and_then(|plan| plan.file_quota_bytes).unwrap_or(self.default_quota)
    }

    /// What this user may do, where there are plans.
    pub(in crate::api) fn plan(&self, owner: &Owner) -> Option<Arc<Plan>> {
        let file = self.file.current();
        if file.plans.is_empty() {
            return None;
        }
        let name = plan_of(&owner.token, &file.plan_claim);
        file.plan(name.as_deref()).cloned()
    }

    /// The maximum size of an upload: the bucket's limit is known only with the service key.
    pub(super) async fn max_file_bytes(&self) -> u64 {
        if !self.supabase.has_service_key() {
            return self.max_bytes;
        }
        let limit = self.bucket_limit.get(&self.supabase, BUCKET, &self.clock).await;
        limit.map_or(self.max_bytes, |limit| limit.min(self.max_bytes))
    }

    /// Waits until running uploads and deletions have ended.
    pub async fn finish(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    pub(super) fn bucket<'a>(&'a self, owner: &'a Owner) -> Bucket<'a> {
        self.supabase.bucket(BUCKET, owner.caller())
    }
}
