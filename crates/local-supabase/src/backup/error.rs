//! The errors of backups.

use std::io;
use std::path::PathBuf;

use crate::open_error::OpenError;

/// Why a backup was not written or not restored. Each message is one line for the person who asked.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// There is nothing to back up.
    #[error("there is no local Supabase in {}: nothing to back up", path.display())]
    NoDatabase {
        /// The folder.
        path: PathBuf,
    },
    /// The folder is in use by a running server, or cannot be used at all.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The folder to restore into is in use.
    #[error(
        "{} is not empty: a backup is restored only into an empty folder. Move what is there away, or \
         name another folder",
        path.display()
    )]
    NotEmpty {
        /// The folder.
        path: PathBuf,
    },
    /// The archive is something else.
    #[error("this is not a backup of a local Supabase")]
    NotABackup,
    /// A newer version of the program has written the backup.
    #[error("this backup is of format {found}, but this program knows only formats up to {known}")]
    NewerFormat {
        /// The format of the backup.
        found: u32,
        /// The newest format that this program knows.
        known: u32,
    },
    /// The archive ends too early.
    #[error("the backup is incomplete: it breaks off before its end")]
    Incomplete,
    /// Files vanish while they are read.
    #[error("files are deleted faster than they can be read. Try again in a quieter moment")]
    TooManyDeletions,
    /// The database cannot be read.
    #[error("cannot read the database {}: {source}", path.display())]
    Database {
        /// The database file.
        path: PathBuf,
        /// The cause.
        source: rusqlite::Error,
    },
    /// Something in the folder cannot be read or written.
    #[error("{}: {source}", path.display())]
    Folder {
        /// The file or folder.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The backup cannot be read or written.
    #[error("the backup cannot be read or written: {0}")]
    Io(#[from] io::Error),
}
