//! The errors of opening a local Supabase.

use std::io;
use std::path::{Path, PathBuf};

use crate::migrations::ApplyError;

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
    /// A newer server has applied a migration.
    #[error(
        "the database {} has the migration {file}, which this program does not know: a newer version of \
         it has been here",
        path.display()
    )]
    UnknownMigration {
        /// The database file.
        path: PathBuf,
        /// The migration.
        file: String,
    },
    /// A migration in `Options::migrations` was changed after it was applied.
    #[error(
        "the migration {file} was applied to {} and {happened} since. Put it back and make another \
         file for the change, or take the tables of your own migrations away with: chat-backend \
         reset-local",
        path.display()
    )]
    Migration {
        /// The database file.
        path: PathBuf,
        /// The migration.
        file: String,
        /// What happened to it.
        happened: &'static str,
    },
    /// A migration in `Options::migrations` has the version of another.
    #[error(
        "the migration {file} has the version of a migration of this program, but says something \
         else. Copy this program's again, or give yours another version"
    )]
    MigrationVersion {
        /// The migration.
        file: String,
    },
    /// What the migrations make of the tables does not fit the rows that are there.
    #[error("the database {} cannot be brought up to date: {reason}", path.display())]
    References {
        /// The database file.
        path: PathBuf,
        /// What does not fit.
        reason: String,
    },
    /// SQLite refuses the file.
    #[error("cannot open the database {}: {source}", path.display())]
    Database {
        /// The database file.
        path: PathBuf,
        /// The cause, e.g. a damaged file.
        source: rusqlite::Error,
    },
}

impl OpenError {
    pub(crate) fn from_apply(path: &Path, error: ApplyError) -> Self {
        let path = path.to_owned();
        match error {
            ApplyError::Sqlite(source) => Self::Database { path, source },
            ApplyError::Unknown(file) => Self::UnknownMigration { path, file },
            ApplyError::Changed(file) => Self::Migration { path, file, happened: "has changed" },
            ApplyError::Gone(file) => Self::Migration { path, file, happened: "is gone" },
            ApplyError::Taken(file) => Self::MigrationVersion { file },
            ApplyError::Reference(reason) => Self::References { path, reason },
        }
    }
}
