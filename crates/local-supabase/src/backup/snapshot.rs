//! A copy of the database at one moment.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::backup::Backup;
use rusqlite::{Connection, OpenFlags};
use uuid::Uuid;

use super::BackupError;
use crate::data_dir::{self, DATABASE};
use crate::storage;

/// A pause while the database is locked.
const PAUSE: Duration = Duration::from_millis(100);

/// A temporary file, removed when this is dropped.
pub(super) struct Snapshot {
    path: PathBuf,
}

impl Snapshot {
    /// Copies the database of a folder in one read transaction; a running server goes on writing.
    pub(super) fn take(folder: &Path) -> Result<Self, BackupError> {
        let from = folder.join(DATABASE);
        let snapshot = Self { path: folder.join(format!("backup-{}.tmp", Uuid::new_v4())) };
        let created = data_dir::private_file().create_new(true).open(&snapshot.path);
        created.map_err(|source| BackupError::Folder { path: snapshot.path.clone(), source })?;
        let copy = || {
            let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let source = Connection::open_with_flags(&from, flags)?;
            let mut target = Connection::open_with_flags(&snapshot.path, flags)?;
            Backup::new(&source, &mut target)?.run_to_completion(i32::MAX, PAUSE, None)
        };
        copy().map_err(|source| BackupError::Database { path: from.clone(), source })?;
        Ok(snapshot)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The versions of all objects, which name their files.
    pub(super) fn versions(&self) -> Result<HashSet<String>, BackupError> {
        versions(&self.path)
    }
}

impl Drop for Snapshot {
    fn drop(&mut self) {
        // Reading a database that was copied in WAL mode leaves these.
        for suffix in ["", "-wal", "-shm"] {
            let mut path = self.path.clone().into_os_string();
            path.push(suffix);
            let _ = fs::remove_file(path);
        }
    }
}

/// The versions of all objects of a database.
pub(super) fn versions(path: &Path) -> Result<HashSet<String>, BackupError> {
    let read = Connection::open(path).and_then(|connection| storage::versions(&connection));
    read.map_err(|source| BackupError::Database { path: path.to_owned(), source })
}
