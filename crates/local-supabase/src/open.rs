//! Opening a data folder.

use std::path::Path;

use rusqlite::Connection;

use super::auth_limits::AuthLimits;
use super::blobs::Blobs;
use super::context::Context;
use super::data_dir::DataDir;
use super::database::{self, Database};
use super::keys::{self, SigningKeys};
use super::open_error::OpenError;
use super::options::Options;
use super::passwords::Passwords;
use super::project::Project;
use super::{rest, storage};
use clock::Clock;

/// Locks the folder, upgrades its database and reads its keys, creating what is missing.
pub(super) fn open(path: &Path, project: Project, options: Options) -> Result<Context, OpenError> {
    let Options { public_url, allow_anonymous_users, clock, memory } = options;
    let data_dir = DataDir::open(path)?;
    let database = open_database(&data_dir, project, &clock)?;
    Ok(Context {
        blobs: open_blobs(&data_dir, &clock)?,
        project,
        database,
        signing_keys: SigningKeys::open(&data_dir)?,
        service_key: keys::service_key(&data_dir)?,
        url_secret: keys::url_secret(&data_dir)?,
        passwords: Passwords::new(),
        auth_limits: AuthLimits::new(&clock),
        allow_anonymous_users,
        public_url: public_url.trim_end_matches('/').to_owned(),
        clock,
        memory,
        _data_dir: data_dir,
    })
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

/// The files of Storage, without those that no object names.
fn open_blobs(data_dir: &DataDir, clock: &Clock) -> Result<Blobs, OpenError> {
    let path = data_dir.database()?;
    let versions = Connection::open(&path).and_then(|connection| storage::versions(&connection));
    let versions = versions.map_err(|source| OpenError::Database { path, source })?;
    let folder = data_dir.join("storage");
    let blobs = Blobs::open(folder.clone()).and_then(|blobs| {
        blobs.cleanup(&versions, clock)?;
        Ok(blobs)
    });
    blobs.map_err(|source| OpenError::Folder { path: folder, source })
}
