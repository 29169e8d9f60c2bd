//! Why a local Supabase cannot be opened.

use std::io;
use std::path::PathBuf;

/// Each message is one line for whoever starts the server.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder cannot be created, or something in it cannot be read or written.
    #[error("cannot use the data folder: {}: {source}", path.display())]
    Folder {
        /// What could not be used.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Others may enter it, and it is not ours to change.
    #[error(
        "the data folder {} is open to other users of this machine ({mode:o}). Set DATA_DIR to a \
         folder of its own, or make it private with chmod 700",
        path.display()
    )]
    OpenToOthers {
        /// The folder.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// Another process has it.
    #[error("the data folder {} is in use by another running server", path.display())]
    Locked {
        /// The folder.
        path: PathBuf,
    },
    /// A secret's file was damaged or replaced.
    #[error("{} does not hold {expected}", path.display())]
    Secret {
        /// The file.
        path: PathBuf,
        /// What ought to be in it.
        expected: &'static str,
    },
    /// No key pair could be made.
    #[error("cannot generate a signing key")]
    KeyGeneration,
    /// A newer server has upgraded the schema.
    #[error(
        "the database {} is of version {found}, but this program knows only versions up to {known}",
        path.display()
    )]
    NewerDatabase {
        /// The database file.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// The newest version this program can use.
        known: u32,
    },
    /// SQLite refuses the file.
    #[error("cannot open the database {}: {source}", path.display())]
    Database {
        /// The database file.
        path: PathBuf,
        /// Why; for a damaged file this says so.
        source: rusqlite::Error,
    },
}
