//! Opening a data folder.

use std::path::Path;

use rusqlite::Connection;

use super::auth_limits::AuthLimits;
use super::blobs::Blobs;
use super::context::Context;
use super::data_dir::{DataDir, STORAGE};
use super::database::{self, Database};
use super::keys::{self, SigningKeys};
use super::migrations::{Desired, FORMAT, Migration, Notice, apply};
use super::open_error::OpenError;
use super::open_project::OpenProject;
use super::options::Options;
use super::passwords::Passwords;
use super::project::Project;
use super::schema::Schema;
use super::{rest, storage};
use clock::Clock;

/// Locks the folder, upgrades its database and reads its keys, creating what is missing.
pub(super) fn open(path: &Path, project: Project, options: Options) -> Result<Context, OpenError> {
    let Options { public_url, allow_anonymous_users, migrations, clock, memory, .. } = options;
    let max_user_bytes = options.max_user_bytes;
    let data_dir = DataDir::open(path)?;
    let added = migrations.as_deref();
    let requested = Requested { added, exposes: options.auto_expose_new_tables, reset: false };
    let OpenDatabase { database, schema, notices } =
        open_database(&data_dir, project, requested, &clock)?;
    Ok(Context {
        blobs: open_blobs(&data_dir, &clock)?,
        project: OpenProject {
            schema,
            functions: project.functions,
            check_user: project.check_user,
        },
        notices,
        database,
        signing_keys: SigningKeys::open(&data_dir)?,
        service_key: keys::service_key(&data_dir)?,
        url_secret: keys::url_secret(&data_dir)?,
        passwords: Passwords::new(options.password_kib),
        auth_limits: AuthLimits::new(&clock),
        allow_anonymous_users,
        max_user_bytes,
        max_object_bytes: options.max_object_bytes,
        public_url: public_url.trim_end_matches('/').to_owned(),
        clock,
        memory,
        _data_dir: data_dir,
    })
}

/// What is in the database of a folder, and what could not be carried into it.
struct OpenDatabase {
    database: Database,
    schema: &'static Schema,
    notices: Vec<Notice>,
}

/// What a database is to have besides the project.
#[derive(Clone, Copy)]
struct Requested<'a> {
    added: Option<&'a [Migration]>,
    exposes: bool,
    reset: bool,
}

fn open_database(
    data_dir: &DataDir,
    project: Project,
    requested: Requested<'_>,
    clock: &Clock,
) -> Result<OpenDatabase, OpenError> {
    let path = data_dir.database()?;
    let unusable = |source| OpenError::Database { path: path.clone(), source };
    let found = Connection::open(&path).and_then(|connection| database::version(&connection));
    let found = found.map_err(unusable)?;
    if found > FORMAT {
        return Err(OpenError::NewerDatabase { path: path.clone(), found, known: FORMAT });
    }
    let own = project.files();
    let Project { registrations, legacy, buckets, .. } = project;
    let Requested { added, exposes, reset } = requested;
    let desired = Desired { own: &own, added, exposes, registrations, legacy, reset };
    let opened = Database::open(
        &path,
        |connection| rest::prepare(connection, clock),
        |connection| {
            apply(connection, desired, |transaction| storage::create_buckets(transaction, buckets))
        },
    );
    let (database, (plan, notices)) =
        opened.map_err(|error| OpenError::from_apply(&path, error))?;
    Ok(OpenDatabase { database, schema: plan.schema, notices })
}

/// Deletes the tables that migrations of a front end have made, and forgets that they were applied.
pub(super) fn reset(path: &Path, project: Project) -> Result<(), OpenError> {
    let data_dir = DataDir::open(path)?;
    let requested = Requested { added: Some(&[]), exposes: false, reset: true };
    open_database(&data_dir, project, requested, &Clock::System).map(|_| ())
}

/// The files of Storage, without those that no object names.
fn open_blobs(data_dir: &DataDir, clock: &Clock) -> Result<Blobs, OpenError> {
    let path = data_dir.database()?;
    let versions = Connection::open(&path).and_then(|connection| storage::versions(&connection));
    let versions = versions.map_err(|source| OpenError::Database { path, source })?;
    let folder = data_dir.join(STORAGE);
    let blobs = Blobs::open(folder.clone()).and_then(|blobs| {
        blobs.cleanup(&versions, clock)?;
        Ok(blobs)
    });
    blobs.map_err(|source| OpenError::Folder { path: folder, source })
}
