//! The contents of objects, as files. The name of a file is the random version of its object, never
//! anything that a client sent, so no name leads out of the folder.

mod quarantine;

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use jiff::tz::TimeZone;
use md5::{Digest, Md5};
use tokio::io::AsyncWriteExt;
use uuid::Uuid;

use crate::data_dir::{create_private_dir, sync_parent};
use clock::Clock;
use memory::IDLE;

/// The folder of the files.
#[derive(Clone, Debug)]
pub(super) struct Blobs {
    folder: PathBuf,
}

/// Why a body was not stored.
#[derive(Debug, thiserror::Error)]
pub(super) enum BlobError {
    #[error("the body broke off")]
    Broken,
    #[error("the body is too large")]
    TooLarge,
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// A file that was received whole but that no object names yet. It is removed when this is dropped,
/// unless it is kept.
#[derive(Debug)]
pub(super) struct Received {
    path: PathBuf,
    is_kept: bool,
    pub(super) size: u64,
    /// The MD5 in quotes, as in Storage.
    pub(super) etag: String,
}

impl Blobs {
    /// Opens the folder, creating it if necessary.
    pub(super) fn open(folder: PathBuf) -> io::Result<Self> {
        create_private_dir(&folder)?;
        Ok(Self { folder })
    }

    /// Moves files that no object's version names into quarantine.
    pub(super) fn cleanup(&self, versions: &HashSet<String>, clock: &Clock) -> io::Result<()> {
        quarantine::cleanup(&self.folder, versions, clock.now().to_zoned(TimeZone::UTC).date())
    }

    /// Writes a body of at most `limit` bytes to a file.
    pub(super) async fn receive<S, E>(&self, body: S, limit: u64) -> Result<Received, BlobError>
    where
        S: Stream<Item = Result<Bytes, E>>,
    {
        let path = self.folder.join(format!("{}.part", Uuid::new_v4()));
        let mut file = tokio::fs::File::create_new(&path).await?;
        let mut received = Received { path, is_kept: false, size: 0, etag: String::new() };
        let mut hash = Md5::new();
        let mut body = std::pin::pin!(body);
        while let Some(chunk) = next(&mut body).await? {
            let chunk = chunk.map_err(|_| BlobError::Broken)?;
            received.size += chunk.len() as u64;
            if received.size > limit {
                return Err(BlobError::TooLarge);
            }
            hash.update(&chunk);
            file.write_all(&chunk).await?;
        }
        file.flush().await?;
        file.sync_all().await?;
        received.etag = format!("\"{}\"", hex(&hash.finalize()));
        Ok(received)
    }

    /// Copies the bytes of a version.
    pub(super) fn copy(&self, version: &str) -> Result<Received, BlobError> {
        let path = self.folder.join(format!("{}.part", Uuid::new_v4()));
        let received = Received { path, is_kept: false, size: 0, etag: String::new() };
        fs::copy(self.path(version), &received.path)?;
        fs::File::open(&received.path)?.sync_all()?;
        Ok(received)
    }

    /// Moves a received file to the path of a version. It stays there only if it is kept.
    pub(super) async fn move_into_place(
        &self,
        mut received: Received,
        version: &str,
    ) -> Result<Received, BlobError> {
        let path = self.path(version);
        let placed = tokio::task::spawn_blocking(move || {
            fs::rename(&received.path, &path)?;
            received.path = path;
            sync_parent(&received.path)?;
            Ok(received)
        });
        placed.await.map_err(io::Error::other)?
    }

    /// The bytes of a version.
    pub(super) async fn read(&self, version: &str) -> io::Result<tokio::fs::File> {
        tokio::fs::File::open(self.path(version)).await
    }

    /// Removes the files of versions that no object has any more. What cannot be removed now is
    /// removed after the next start.
    pub(super) fn remove<'a>(&self, versions: impl IntoIterator<Item = &'a str>) {
        for version in versions {
            if let Err(error) = fs::remove_file(self.path(version)) {
                tracing::debug!("a file of Storage cannot be removed yet: {error}");
            }
        }
    }

    fn path(&self, version: &str) -> PathBuf {
        // Versions are UUIDs; `file_name` keeps the path inside the folder even if the database is damaged.
        self.folder.join(Path::new(version).file_name().unwrap_or_default())
    }
}

/// The next chunk of a body; fails if the client pauses for too long.
async fn next<S: Stream + Unpin>(body: &mut S) -> Result<Option<S::Item>, BlobError> {
    let next = tokio::time::timeout(IDLE, body.next()).await;
    next.map_err(|_| BlobError::Broken)
}

impl Received {
    /// Keeps the file: a row names it now.
    pub(super) fn keep(mut self) {
        self.is_kept = true;
    }
}

impl Drop for Received {
    fn drop(&mut self) {
        if !self.is_kept {
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
