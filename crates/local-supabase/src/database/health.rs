//! Whether the database can be read and written, for probes.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::Transaction;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use super::{Caller, Database};

/// How long an answer may take.
const MAX_TIME: Duration = Duration::from_millis(1500);
/// How long an answer holds, so that many probes are one.
const HOLDS_FOR: Duration = Duration::from_secs(1);
/// A write to the database may find room in its log even where the disk is full.
const ROOM: usize = 256 << 10;

/// What was found last.
pub(super) struct Health {
    file: PathBuf,
    version: u32,
    found: Mutex<Option<(Instant, bool)>>,
}

impl Health {
    /// Of the database with that path.
    pub fn beside(path: &Path, version: u32) -> Self {
        Self { version, file: path.with_extension("probe"), found: Mutex::new(None) }
    }

    pub async fn of(&self, database: &Database) -> bool {
        let mut found = self.found.lock().await;
        if let Some((at, is_well)) = *found
            && at.elapsed() < HOLDS_FOR
        {
            return is_well;
        }
        let is_well = match timeout(MAX_TIME, self.probe(database)).await {
            Ok(Ok(())) => true,
            Ok(Err(error)) => {
                tracing::warn!("the local database is not well: {error}");
                false
            }
            // A long write is no harm; it ends in time.
            Err(_) if database.shared.is_writing() => true,
            Err(_) => {
                tracing::warn!("the local database does not answer within {MAX_TIME:?}");
                false
            }
        };
        *found = Some((Instant::now(), is_well));
        is_well
    }

    async fn probe(&self, database: &Database) -> Result<(), ProbeError> {
        let count = |connection: &rusqlite::Connection| {
            connection.query_row("select count(*) from sqlite_schema", [], |_| Ok(()))
        };
        database.read::<_, rusqlite::Error, _>(Caller::Probe, count).await?;
        // It is what it was, but the page that holds it is written all the same.
        let version = self.version;
        let touch = move |transaction: &Transaction<'_>| {
            transaction.pragma_update(None, "user_version", version)
        };
        database.write::<_, rusqlite::Error, _>(Caller::Probe, touch).await?;
        let file = self.file.clone();
        super::blocking(move || fs::write(&file, [0; ROOM]).and_then(|()| fs::remove_file(&file)))
            .await?;
        Ok(())
    }
}

#[derive(Debug, thiserror::Error)]
enum ProbeError {
    #[error(transparent)]
    Database(#[from] rusqlite::Error),
    #[error(transparent)]
    Disk(#[from] std::io::Error),
}
