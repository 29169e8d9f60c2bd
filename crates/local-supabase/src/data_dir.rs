//! The data folder: its lock, its secrets and its database.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::open_error::OpenError;

/// The database.
pub(super) const DATABASE: &str = "supabase.db";
/// The folder of the files of Storage.
pub(super) const STORAGE: &str = "storage";
const LOCK: &str = "lock";
/// What a new file system has.
const LOST_AND_FOUND: &str = "lost+found";
/// Keeps the folder out of the repository in which it lies.
const IGNORE: &str = ".gitignore";

/// The data folder, locked by this process until this is dropped.
pub(super) struct DataDir {
    path: PathBuf,
    _lock: File,
}

impl DataDir {
    /// Creates the folder if need be and locks it.
    pub(super) fn open(path: &Path) -> Result<Self, OpenError> {
        let unusable = |source| OpenError::Folder { path: path.to_owned(), source };
        create_private_dir(path).map_err(unusable)?;
        #[cfg(unix)]
        close_to_others(path)?;
        let lock =
            private_file().create(true).truncate(false).open(path.join(LOCK)).map_err(unusable)?;
        match lock.try_lock() {
            Ok(()) => {
                ignore_in_git(path).map_err(unusable)?;
                Ok(Self { path: path.to_owned(), _lock: lock })
            }
            Err(TryLockError::WouldBlock) => Err(OpenError::Locked { path: path.to_owned() }),
            Err(TryLockError::Error(source)) => Err(unusable(source)),
        }
    }

    /// The database file, which only its owner can read from the moment it exists.
    pub(super) fn database(&self) -> Result<PathBuf, OpenError> {
        let path = self.path.join(DATABASE);
        let opened = private_file().create(true).truncate(false).open(&path);
        opened.map_err(|source| OpenError::Folder { path: path.clone(), source })?;
        Ok(path)
    }

    /// A file or folder inside.
    pub(super) fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Removes all that is in the folder.
    pub(super) fn clear(self) -> io::Result<()> {
        for name in names(&self.path)?.iter().filter(|name| *name != LOST_AND_FOUND) {
            let path = self.path.join(name);
            match path.is_dir() {
                true => fs::remove_dir_all(path)?,
                false => fs::remove_file(path)?,
            }
        }
        Ok(())
    }
}

fn ignore_in_git(folder: &Path) -> io::Result<()> {
    match private_file().create_new(true).open(folder.join(IGNORE)) {
        Ok(mut file) => file.write_all(b"*\n"),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

/// Whether a folder holds nothing, as a new volume does.
pub(super) fn is_empty(path: &Path) -> io::Result<bool> {
    const NOTHING: [&str; 3] = [LOST_AND_FOUND, LOCK, IGNORE];
    for entry in fs::read_dir(path)? {
        if !NOTHING.iter().any(|name| entry.as_ref().is_ok_and(|entry| entry.file_name() == *name))
        {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The names of the files in a data folder and its folders, without the database, the files of Storage
/// and what is temporary.
pub(super) fn other_files(folder: &Path) -> io::Result<Vec<String>> {
    let mut files = Vec::new();
    for name in names(folder)? {
        if folder.join(&name).is_dir() {
            if name != STORAGE {
                let inner = names(&folder.join(&name))?;
                files.extend(inner.iter().map(|inner| format!("{name}/{inner}")));
            }
        } else if !name.starts_with(DATABASE) && ![LOCK, IGNORE].contains(&name.as_str()) {
            files.push(name);
        }
    }
    files.retain(|name| !name.ends_with(".tmp") && folder.join(name).is_file());
    Ok(files)
}

fn names(folder: &Path) -> io::Result<Vec<String>> {
    let names = fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name().into_string().ok()));
    names.filter_map(Result::transpose).collect()
}

/// Makes a folder private. A folder that may hold other files is left unchanged and refused.
#[cfg(unix)]
fn close_to_others(path: &Path) -> Result<(), OpenError> {
    use std::os::unix::fs::PermissionsExt;

    let unusable = |source| OpenError::Folder { path: path.to_owned(), source };
    let mode = path.metadata().map_err(unusable)?.permissions().mode() & 0o7777;
    if mode & 0o077 == 0 {
        return Ok(());
    }
    let is_ours = holds_nothing_else(path).map_err(unusable)?;
    if !is_ours || fs::set_permissions(path, fs::Permissions::from_mode(0o700)).is_err() {
        return Err(OpenError::OpenToOthers { path: path.to_owned(), mode });
    }
    let path = path.display();
    tracing::warn!(
        "{path} was open to other users of this machine ({mode:o}); it is no longer (700)"
    );
    Ok(())
}

/// Whether a folder is empty, as a new volume is, or holds a local Supabase.
#[cfg(unix)]
fn holds_nothing_else(path: &Path) -> io::Result<bool> {
    Ok(is_empty(path)? || path.join(DATABASE).exists())
}

/// Creates a folder, and those above it, that only their owner can enter.
pub(super) fn create_private_dir(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Writes a secret whole or not at all, and so that it survives a power cut.
pub(super) fn write_secret(path: &Path, secret: &[u8]) -> io::Result<()> {
    let temporary = path.with_extension("tmp");
    let mut file = private_file().create(true).truncate(true).open(&temporary)?;
    file.write_all(secret)?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    sync_parent(path)
}

/// How a file is opened for writing that only its owner can read.
pub(super) fn private_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

#[cfg(unix)]
pub(super) fn sync_parent(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |parent| File::open(parent)?.sync_all())
}

#[cfg(not(unix))]
pub(super) fn sync_parent(_: &Path) -> io::Result<()> {
    Ok(())
}
