//! The bytes of objects, as files. A file's name is the random version of its object, never
//! anything that a client has sent, so no name leads out of the folder.

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

use super::error::StorageError;
use super::set_aside;
use crate::data_dir::{create_private_dir, sync_parent};
use clock::Clock;
use memory::IDLE;

/// The folder of the bytes.
#[derive(Clone, Debug)]
pub(crate) struct Blobs {
    folder: PathBuf,
}

/// Bytes that were received whole but are nobody's yet. Dropped, they are gone.
#[derive(Debug)]
pub(super) struct Received {
    path: PathBuf,
    is_kept: bool,
    pub(super) size: u64,
    /// The MD5 in quotes, as Storage has it.
    pub(super) etag: String,
}

impl Blobs {
    /// The folder, created if need be.
    pub(crate) fn open(folder: PathBuf) -> io::Result<Self> {
        create_private_dir(&folder)?;
        Ok(Self { folder })
    }

    /// Sets aside what no object's version names.
    pub(crate) fn sweep(&self, versions: &HashSet<String>, clock: &Clock) -> io::Result<()> {
        set_aside::sweep(&self.folder, versions, clock.now().to_zoned(TimeZone::UTC).date())
    }

    /// Writes a body down, no more than `limit` bytes of it.
    pub(super) async fn receive<S, E>(&self, body: S, limit: u64) -> Result<Received, StorageError>
    where
        S: Stream<Item = Result<Bytes, E>>,
    {
        let path = self.folder.join(format!("{}.part", Uuid::new_v4()));
        let mut file = tokio::fs::File::create_new(&path).await?;
        let mut received = Received { path, is_kept: false, size: 0, etag: String::new() };
        let mut hash = Md5::new();
        let mut body = std::pin::pin!(body);
        while let Some(piece) = next(&mut body).await? {
            let piece = piece.map_err(|_| StorageError::broken_body())?;
            received.size += piece.len() as u64;
            if received.size > limit {
                return Err(StorageError::too_large());
            }
            hash.update(&piece);
            file.write_all(&piece).await?;
        }
        file.flush().await?;
        file.sync_all().await?;
        received.etag = format!("\"{}\"", hex(&hash.finalize()));
        Ok(received)
    }

    /// A copy of an object's bytes.
    pub(super) fn copy(&self, version: &str) -> Result<Received, StorageError> {
        let path = self.folder.join(format!("{}.part", Uuid::new_v4()));
        let received = Received { path, is_kept: false, size: 0, etag: String::new() };
        fs::copy(self.path(version), &received.path)?;
        fs::File::open(&received.path)?.sync_all()?;
        Ok(received)
    }

    /// Puts received bytes where those of a version lie. They stay once a row names them, and are
    /// told so.
    pub(super) async fn place(
        &self,
        mut received: Received,
        version: &str,
    ) -> Result<Received, StorageError> {
        let path = self.path(version);
        let placed = tokio::task::spawn_blocking(move || {
            fs::rename(&received.path, &path)?;
            received.path = path;
            sync_parent(&received.path)?;
            Ok(received)
        });
        placed.await.map_err(|error| StorageError::internal(&error))?
    }

    /// The bytes of a version.
    pub(super) async fn read(&self, version: &str) -> io::Result<tokio::fs::File> {
        tokio::fs::File::open(self.path(version)).await
    }

    /// Removes the bytes of versions that no object has any more. What cannot be removed now goes
    /// at the next start.
    pub(super) fn remove<'a>(&self, versions: impl IntoIterator<Item = &'a str>) {
        for version in versions {
            if let Err(error) = fs::remove_file(self.path(version)) {
                tracing::debug!("a file of the local storage stays for now: {error}");
            }
        }
    }

    fn path(&self, version: &str) -> PathBuf {
        // Versions are UUIDs of our own; the file name alone keeps even a broken database inside.
        self.folder.join(Path::new(version).file_name().unwrap_or_default())
    }
}

/// The next piece of a body that is not silent for too long.
async fn next<S: Stream + Unpin>(body: &mut S) -> Result<Option<S::Item>, StorageError> {
    let next = tokio::time::timeout(IDLE, body.next()).await;
    next.map_err(|_| StorageError::broken_body())
}

impl Received {
    /// A row names them now.
    pub(super) fn stay(mut self) {
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
