//! Backups of a data folder: one tar archive with the database, the files of Storage and the keys. A
//! server may be running on the folder while it is backed up.

mod error;
mod restore;
mod snapshot;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

pub use error::BackupError;
pub(super) use restore::restore;
use snapshot::Snapshot;

use super::data_dir::{self, DATABASE, STORAGE};

/// The name of the first entry, which says what the archive is.
const MANIFEST: &str = "backup.json";
/// The version of the layout.
const FORMAT: u32 = 1;
/// How often the database is copied anew because files were deleted meanwhile.
const MAX_SNAPSHOTS: u32 = 10;

/// What a backup holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackupContents {
    /// The size of the database, in bytes.
    pub database_bytes: u64,
    /// The number of files of Storage.
    pub files: usize,
    /// Their size, in bytes.
    pub file_bytes: u64,
    /// The number of files that the database names but that are not there.
    pub missing: usize,
}

#[derive(Deserialize, Serialize)]
struct Manifest {
    local_supabase_backup: u32,
}

/// Writes a backup of a data folder. The order is: the manifest, the files of Storage, the keys, and the
/// database last, so that an archive that ends with it is whole.
pub(super) fn backup(path: &Path, output: impl Write) -> Result<BackupContents, BackupError> {
    if !path.join(DATABASE).is_file() {
        return Err(BackupError::NoDatabase { path: path.to_owned() });
    }
    let mut archive = Archive { folder: path, tar: tar::Builder::new(BufWriter::new(output)) };
    let manifest = serde_json::to_vec(&Manifest { local_supabase_backup: FORMAT });
    archive.append_bytes(MANIFEST, &manifest.map_err(io::Error::from)?)?;
    let (snapshot, files) = archive.append_storage()?;
    archive.append_keys()?;
    let database = File::open(snapshot.path())?;
    let database_bytes = archive.append(DATABASE, &database)?;
    archive.tar.into_inner()?.into_inner().map_err(io::IntoInnerError::into_error)?.flush()?;
    Ok(BackupContents { database_bytes, ..files })
}

/// An archive that is being written.
struct Archive<'a, W: Write> {
    folder: &'a Path,
    tar: tar::Builder<BufWriter<W>>,
}

impl<W: Write> Archive<'_, W> {
    /// Writes the files of Storage that a copy of the database names. A file that is deleted meanwhile is
    /// named by no later copy, so the database is copied until nothing more has vanished.
    fn append_storage(&mut self) -> Result<(Snapshot, BackupContents), BackupError> {
        let (mut written, mut missing) = (HashSet::new(), HashSet::new());
        let mut file_bytes = 0;
        for _ in 0..MAX_SNAPSHOTS {
            let snapshot = Snapshot::take(self.folder)?;
            let named = snapshot.versions()?;
            let mut gone = HashSet::new();
            for version in named.difference(&written).cloned().collect::<Vec<_>>() {
                match self.append_file(&format!("{STORAGE}/{version}"))? {
                    Some(bytes) => file_bytes += bytes,
                    None => drop(gone.insert(version.clone())),
                }
                written.insert(version);
            }
            // What two copies name and is not there has been missing for longer.
            gone.extend(named.intersection(&missing).cloned());
            if gone.is_subset(&missing) {
                let files = named.len() - gone.len();
                let missing = gone.len();
                let contents = BackupContents { database_bytes: 0, files, file_bytes, missing };
                return Ok((snapshot, contents));
            }
            missing = gone;
        }
        Err(BackupError::TooManyDeletions)
    }

    /// Writes all other files: the keys, at the top or in a folder of their own.
    fn append_keys(&mut self) -> Result<(), BackupError> {
        for name in data_dir::other_files(self.folder)? {
            self.append_file(&name)?;
        }
        Ok(())
    }

    /// Writes a file of the folder, and returns its size. `None` if it is not there.
    fn append_file(&mut self, name: &str) -> Result<Option<u64>, BackupError> {
        let path = self.folder.join(name);
        match File::open(&path) {
            Ok(file) => self.append(name, &file).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(BackupError::Folder { path, source }),
        }
    }

    fn append(&mut self, name: &str, file: &File) -> Result<u64, BackupError> {
        let size = file.metadata()?.len();
        self.tar.append_data(&mut header(size), name, file)?;
        Ok(size)
    }

    fn append_bytes(&mut self, name: &str, bytes: &[u8]) -> Result<(), BackupError> {
        Ok(self.tar.append_data(&mut header(bytes.len() as u64), name, bytes)?)
    }
}

fn header(size: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_size(size);
    header.set_mode(0o600);
    header
}
