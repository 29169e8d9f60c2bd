//! What every handler of the local Supabase shares.

use std::path::Path;

use rusqlite::Connection;

use clock::Clock;
use memory::Memory;

use super::auth::{AuthLimits, Passwords};
use super::data_dir::DataDir;
use super::database::{self, Database};
use super::keys::{self, SigningKeys};
use super::open_error::OpenError;
use super::project::{OpenProject, Project};
use super::rest;
use super::storage::{self, Blobs};

/// An open data folder.
pub(super) struct Context {
    pub(super) project: OpenProject,
    pub(super) database: Database,
    pub(super) signing_keys: SigningKeys,
    pub(super) service_key: String,
    /// Signs the URLs of objects.
    pub(super) url_secret: String,
    pub(super) blobs: Blobs,
    pub(super) passwords: Passwords,
    pub(super) auth_limits: AuthLimits,
    pub(super) allow_anonymous_users: bool,
    /// Without a slash at the end.
    pub(super) public_url: String,
    pub(super) clock: Clock,
    pub(super) memory: Memory,
    /// The last field, because the others are to be closed before the lock is given back.
    _data_dir: DataDir,
}

impl Context {
    pub(super) fn open(
        path: &Path,
        project: Project,
        public_url: &str,
        allow_anonymous_users: bool,
        clock: Clock,
        memory: Memory,
    ) -> Result<Self, OpenError> {
        let data_dir = DataDir::open(path)?;
        let database = open_database(&data_dir, project, &clock)?;
        Ok(Self {
            blobs: open_blobs(&data_dir, &clock)?,
            project: project.into(),
            database,
            signing_keys: SigningKeys::open(&data_dir)?,
            service_key: keys::service_key(&data_dir)?,
            url_secret: keys::url_secret(&data_dir)?,
            passwords: Passwords::new(),
            auth_limits: AuthLimits::new(),
            allow_anonymous_users,
            public_url: public_url.trim_end_matches('/').to_owned(),
            clock,
            memory,
            _data_dir: data_dir,
        })
    }

    /// The `iss` of access tokens.
    pub(super) fn issuer(&self) -> String {
        format!("{}/auth/v1", self.public_url)
    }
}

fn open_database(
    data_dir: &DataDir,
    project: Project,
    clock: &Clock,
) -> Result<Database, OpenError> {
    let path = data_dir.database()?;
    let migrations = project.schema.migrations;
    let known = database::version_with(migrations);
    let unusable = |source| OpenError::Database { path: path.clone(), source };
    let found = Connection::open(&path).and_then(|connection| database::version(&connection));
    match found.map_err(unusable)? {
        found if found > known => {
            Err(OpenError::NewerDatabase { path: path.clone(), found, known })
        }
        _ => Database::open(
            &path,
            migrations,
            |connection| rest::prepare(connection, clock),
            |transaction| storage::create_buckets(transaction, project.buckets),
        )
        .map_err(unusable),
    }
}

/// The bytes of Storage, without what no object names.
fn open_blobs(data_dir: &DataDir, clock: &Clock) -> Result<Blobs, OpenError> {
    let path = data_dir.database()?;
    let versions = Connection::open(&path).and_then(|connection| storage::versions(&connection));
    let versions = versions.map_err(|source| OpenError::Database { path, source })?;
    let folder = data_dir.join("storage");
    let blobs = Blobs::open(folder.clone()).and_then(|blobs| {
        blobs.sweep(&versions, clock)?;
        Ok(blobs)
    });
    blobs.map_err(|source| OpenError::Folder { path: folder, source })
}
