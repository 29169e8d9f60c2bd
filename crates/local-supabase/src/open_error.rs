//! The errors of opening a local Supabase.

use std::io;
use std::path::PathBuf;

/// Why a local Supabase cannot be opened. Each message is one line for the person who starts the program.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder cannot be created, or something in it cannot be read or written.
    #[error("cannot use the data folder: {}: {source}", path.display())]
    Folder {
        /// The file or folder.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// Other users of the machine can enter the folder, and its permissions could not be changed.
    #[error(
        "the data folder {} is open to other users of this machine ({mode:o}). Use a \
         folder of its own, or make it private with chmod 700",
        path.display()
    )]
    OpenToOthers {
        /// The folder.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// Another process has the folder open.
    #[error("the data folder {} is in use by another running server", path.display())]
    Locked {
        /// The folder.
        path: PathBuf,
    },
    /// The file of a secret was damaged or replaced.
    #[error("{} does not hold {expected}", path.display())]
    Secret {
        /// The file.
        path: PathBuf,
        /// What it should contain.
        expected: &'static str,
    },
    /// A key pair could not be generated.
    #[error("cannot generate a signing key")]
    KeyGeneration,
    /// A newer version of the program has upgraded the schema.
    #[error(
        "the database {} is of version {found}, but this program knows only versions up to {known}",
        path.display()
    )]
    NewerDatabase {
        /// The database file.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// The newest version that this program knows.
        known: u32,
    },
    /// SQLite cannot open the file.
    #[error("cannot open the database {}: {source}", path.display())]
    Database {
        /// The database file.
        path: PathBuf,
        /// The cause, e.g. a damaged file.
        source: rusqlite::Error,
    },
}
