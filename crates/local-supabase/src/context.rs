//! What every handler of the local Supabase shares.

use secrecy::SecretString;

use clock::Clock;
use memory::Memory;

use super::auth_limits::AuthLimits;
use super::blobs::Blobs;
use super::data_dir::DataDir;
use super::database::Database;
use super::keys::SigningKeys;
use super::migrations::Notice;
use super::open_project::OpenProject;
use super::passwords::Passwords;

/// An open data folder.
pub(super) struct Context {
    pub(super) project: OpenProject,
    /// What of the migrations is not carried over.
    pub(super) notices: Vec<Notice>,
    pub(super) database: Database,
    pub(super) signing_keys: SigningKeys,
    pub(super) service_key: SecretString,
    /// Signs the URLs of objects.
    pub(super) url_secret: SecretString,
    pub(super) blobs: Blobs,
    pub(super) passwords: Passwords,
    pub(super) auth_limits: AuthLimits,
    pub(super) allow_anonymous_users: bool,
    /// The most that a user's objects may take.
    pub(super) max_user_bytes: u64,
    pub(super) max_object_bytes: u64,
    /// Without a slash at the end.
    pub(super) public_url: String,
    pub(super) clock: Clock,
    pub(super) memory: Memory,
    /// The last field: fields are dropped in order, and the lock is released after all else is closed.
    pub(super) _data_dir: DataDir,
}

impl Context {
    /// The `iss` of access tokens.
    pub(super) fn issuer(&self) -> String {
        format!("{}/auth/v1", self.public_url)
    }
}
