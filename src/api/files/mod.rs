//! Files: `/api/files`. The row is in `files`, the bytes are in Supabase Storage under
//! `<user_id>/<file_id>`.
//!
//! The row comes first and goes last, so that an upload or a deletion that breaks off is found by
//! its row and finished later. What must run to its end does so in a task of its own, whether the
//! client waits or not.

mod limit;
pub mod model;
mod name;
mod orphans;
mod picture;
pub mod routes;
mod store;
mod tool;
mod upload;
pub mod attachments;
mod cleanup;
mod conditional;
mod media_type;
mod signed_urls;

use tokio_util::task::TaskTracker;
use uuid::Uuid;

use crate::agent::Credentials;
use crate::clock::Clock;
use crate::config::Config;
use crate::http::auth::CurrentUser;
use crate::supabase::{AccessToken, Bucket, Caller, Supabase};

pub use attachments::resolve::{AttachedContent, Attachment, Place};
use limit::BucketLimit;
pub use media_type::is_text;
pub use orphans::{ObjectName, Orphans};
pub use picture::{dimensions, is_picture};
pub use tool::FilesTool;
pub use upload::NewFile;

/// The bucket of all files.
const BUCKET: &str = "files";
/// How many files one user may have.
const MAX_FILES: u64 = 100_000;

/// Files in Supabase. Clones share everything.
#[derive(Clone)]
pub struct Files {
    supabase: Supabase,
    clock: Clock,
    /// The largest file.
    pub max_bytes: u64,
    quota: u64,
    bucket_limit: BucketLimit,
    tasks: TaskTracker,
}

/// Whose files; every request is made with their own token.
#[derive(Clone, Debug)]
pub struct Owner {
    /// The user.
    pub id: Uuid,
    /// Their access token.
    pub token: AccessToken,
}

impl Owner {
    fn caller(&self) -> Caller<'_> {
        Caller::User(&self.token)
    }

    /// The name of a file's object.
    fn object(&self, file_id: Uuid) -> String {
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
    /// Files in this Supabase, within the limits that are set.
    pub fn new(supabase: Supabase, config: &Config, clock: Clock) -> Self {
        Self {
            supabase,
            clock,
            max_bytes: config.max_file_bytes,
            quota: config.user_file_quota_bytes,
            bucket_limit: BucketLimit::default(),
            tasks: TaskTracker::new(),
        }
    }

    /// Waits for uploads and deletions under way to end.
    pub async fn finish(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    fn bucket<'a>(&'a self, owner: &'a Owner) -> Bucket<'a> {
        self.supabase.bucket(BUCKET, owner.caller())
    }
}
