//! Restoring a backup into an empty folder.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, BufReader, Read};
use std::path::{Component, Path, PathBuf};

use super::snapshot::versions;
use super::{BackupContents, BackupError, FORMAT, MANIFEST, Manifest};
use crate::data_dir::{self, DATABASE, DataDir, STORAGE};

/// The largest manifest, in bytes.
const MAX_MANIFEST_BYTES: u64 = 4 << 10;

/// Restores a backup. The folder is created if it is missing; nothing is left in it after a failure.
pub(crate) fn restore(input: impl Read, path: &Path) -> Result<BackupContents, BackupError> {
    let mut archive = tar::Archive::new(BufReader::new(input));
    let mut entries = archive.entries()?;
    check_manifest(entries.next())?;
    let data_dir = open_empty(path)?;
    let restored = entries
        .try_for_each(|entry| write(entry.map_err(broken)?, path))
        .and_then(|()| finish(path));
    if restored.is_err() {
        let _ = data_dir.clear();
    }
    restored
}

/// Within an archive that began as one, what cannot be read is not there.
fn broken(error: io::Error) -> BackupError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof | io::ErrorKind::Other => BackupError::Incomplete,
        _ => error.into(),
    }
}

fn check_manifest<R: Read>(
    entry: Option<io::Result<tar::Entry<'_, R>>>,
) -> Result<(), BackupError> {
    // Other files are no archives at all, or archives of something else.
    let Some(Ok(entry)) = entry else { return Err(BackupError::NotABackup) };
    let is_manifest = entry.path().is_ok_and(|path| path == Path::new(MANIFEST));
    let manifest = serde_json::from_reader::<_, Manifest>(entry.take(MAX_MANIFEST_BYTES));
    match manifest {
        Ok(Manifest { local_supabase_backup: found }) if is_manifest => match found {
            FORMAT => Ok(()),
            found => Err(BackupError::NewerFormat { found, known: FORMAT }),
        },
        _ => Err(BackupError::NotABackup),
    }
}

/// Locks a folder that holds nothing. One in use says so, whatever is in it.
fn open_empty(path: &Path) -> Result<DataDir, BackupError> {
    let unusable = |source| BackupError::Folder { path: path.to_owned(), source };
    if path.is_dir() && !data_dir::is_empty(path).map_err(unusable)? {
        if path.join(DATABASE).exists() {
            DataDir::open(path)?;
        }
        return Err(BackupError::NotEmpty { path: path.to_owned() });
    }
    Ok(DataDir::open(path)?)
}

fn write<R: Read>(mut entry: tar::Entry<'_, R>, folder: &Path) -> Result<(), BackupError> {
    let name = entry.path()?.into_owned();
    if !is_inside(&name) || !entry.header().entry_type().is_file() {
        return Err(BackupError::NotABackup);
    }
    let path = folder.join(&name);
    let write = |entry: &mut tar::Entry<'_, R>| {
        if let Some(parent) = path.parent() {
            data_dir::create_private_dir(parent)?;
        }
        let mut file = data_dir::private_file().create_new(true).open(&path)?;
        let copied = io::copy(entry, &mut file)?;
        file.sync_all()?;
        data_dir::sync_parent(&path)?;
        Ok::<_, io::Error>(copied)
    };
    let size = entry.size();
    match write(&mut entry) {
        Ok(copied) if copied == size => Ok(()),
        Ok(_) => Err(BackupError::Incomplete),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(BackupError::Incomplete),
        Err(source) => Err(BackupError::Folder { path: path.clone(), source }),
    }
}

/// Whether a name leads to a file at the top of the folder or in a folder of it.
fn is_inside(name: &Path) -> bool {
    let mut components = name.components();
    let count = components.clone().count();
    (1..=2).contains(&count) && components.all(|part| matches!(part, Component::Normal(_)))
}

/// Removes files that the database does not name, which were deleted while the backup was written.
fn finish(folder: &Path) -> Result<BackupContents, BackupError> {
    let database = folder.join(DATABASE);
    if !database.is_file() {
        return Err(BackupError::Incomplete);
    }
    let named = versions(&database)?;
    let (mut files, mut file_bytes) = (0, 0);
    for path in entries(&folder.join(STORAGE))? {
        if path.file_name().and_then(OsStr::to_str).is_some_and(|name| named.contains(name)) {
            files += 1;
            file_bytes += path.metadata()?.len();
        } else {
            fs::remove_file(path)?;
        }
    }
    let database_bytes = database.metadata()?.len();
    Ok(BackupContents { database_bytes, files, file_bytes, missing: named.len() - files })
}

fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        entries => entries?.map(|entry| Ok(entry?.path())).collect(),
    }
}
