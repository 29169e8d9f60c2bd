//! The data folder: its lock, its secrets and its database.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::open_error::OpenError;

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
        let lock = private_file()
            .create(true)
            .truncate(false)
            .open(path.join("lock"))
            .map_err(unusable)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(OpenError::Locked { path: path.to_owned() }),
            Err(TryLockError::Error(source)) => Err(unusable(source)),
        }
    }

    /// The database file, which only its owner can read from the moment it exists.
    pub(super) fn database(&self) -> Result<PathBuf, OpenError> {
        let path = self.path.join("supabase.db");
        let opened = private_file().create(true).truncate(false).open(&path);
        opened.map_err(|source| OpenError::Folder { path: path.clone(), source })?;
        Ok(path)
    }

    /// A file or folder inside.
    pub(super) fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }
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
    let mut is_empty = true;
    for entry in fs::read_dir(path)? {
        is_empty &= entry?.file_name() == "lost+found";
    }
    Ok(is_empty || path.join("supabase.db").exists())
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

fn private_file() -> OpenOptions {
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
