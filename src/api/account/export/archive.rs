//! A ZIP archive that is sent while it is written. Sizes follow the content, and the list of what is inside
//! comes last: an archive that was cut off has none, which every program that opens it says.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use thiserror::Error;
use tokio::sync::mpsc::Sender;
use tokio::time::{Instant, timeout};
use zip::result::ZipError;
use zip::write::{SimpleFileOptions, StreamWriter};
use zip::{CompressionMethod, DateTime, ZipWriter};

use crate::compute::compute;
use crate::http::error::ApiError;
use crate::memory::{Charge, Full, Pace};

/// How much is written at once, and sent.
const PIECE: usize = 64 << 10;
/// What is kept of each entry until the end, for the list of what is inside.
const ENTRY_COST: usize = 640;
/// Above this an entry needs longer numbers, which not every program reads.
const LARGE: u64 = 4_000_000_000;
const LEVEL: i64 = 3;

/// Why an archive was not finished.
#[derive(Debug, Error)]
pub(super) enum Broken {
    /// Nobody reads it any more.
    #[error("the client is gone")]
    Gone,
    /// It is read so slowly that it would keep others from exporting for too long.
    #[error("the client reads too slowly")]
    Slow,
    /// It does not fit into memory what is in it.
    #[error(transparent)]
    Full(#[from] Full),
    /// It cannot be written.
    #[error("the archive cannot be written: {0}")]
    Zip(#[from] ZipError),
    /// What belongs into it cannot be read.
    #[error("{} {}", .0.code(), .0.detail())]
    Rows(ApiError),
}

impl From<ApiError> for Broken {
    fn from(error: ApiError) -> Self {
        Self::Rows(error)
    }
}

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Self {
        Self::Zip(error.into())
    }
}

/// How the content of an entry is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packing {
    /// Made smaller.
    Deflated,
    /// As it is: most files are as small as they can be.
    Stored,
}

/// What the archive is written to, and sent from.
#[derive(Clone, Default)]
struct Pipe(Arc<Mutex<Vec<u8>>>);

impl Pipe {
    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// An archive in the making.
pub(super) struct Archive {
    /// Away while it computes; large.
    zip: Option<Box<ZipWriter<StreamWriter<Pipe>>>>,
    /// What comes next, less than a piece.
    next: Vec<u8>,
    pipe: Pipe,
    out: Sender<io::Result<Bytes>>,
    pace: Pace,
    /// The list of what is inside.
    entries: Charge,
    modified: DateTime,
}

impl Archive {
    /// An empty one, whose bytes go to `out`.
    pub(super) fn new(
        out: Sender<io::Result<Bytes>>,
        charge: Charge,
        now: jiff::Timestamp,
    ) -> Self {
        let pipe = Pipe::default();
        let zip = Some(Box::new(ZipWriter::new_stream(pipe.clone())));
        let modified = modified(now).unwrap_or_default();
        let pace = Pace::default();
        Self { zip, next: Vec::new(), pipe, out, pace, entries: charge, modified }
    }

    /// Begins an entry; whether there is none of this name yet.
    pub(super) async fn begin(
        &mut self,
        name: &str,
        packing: Packing,
        size: u64,
    ) -> Result<bool, Broken> {
        self.pack().await?;
        self.entries.grow(ENTRY_COST + 2 * name.len())?;
        let options = SimpleFileOptions::default()
            .last_modified_time(self.modified)
            .unix_permissions(0o644)
            .large_file(size >= LARGE);
        let options = match packing {
            Packing::Deflated => options
                .compression_method(CompressionMethod::Deflated)
                .compression_level(Some(LEVEL)),
            Packing::Stored => options.compression_method(CompressionMethod::Stored),
        };
        let Some(zip) = &mut self.zip else { return Err(Broken::Gone) };
        match zip.start_file(name, options) {
            Err(ZipError::InvalidArchive(_)) => Ok(false),
            started => Ok(started.map(|()| true)?),
        }
    }

    /// Adds to the entry that was started last.
    pub(super) async fn write(&mut self, bytes: &[u8]) -> Result<(), Broken> {
        for piece in bytes.chunks(PIECE) {
            self.next.extend_from_slice(piece);
            if self.next.len() >= PIECE {
                self.pack().await?;
            }
        }
        Ok(())
    }

    /// An entry that is known whole.
    pub(super) async fn add(&mut self, name: &str, text: &str) -> Result<(), Broken> {
        self.begin(name, Packing::Deflated, 0).await?;
        self.write(text.as_bytes()).await
    }

    /// Ends the archive with the list of what is inside.
    pub(super) async fn finish(mut self) -> Result<(), Broken> {
        self.pack().await?;
        if let Some(zip) = self.zip.take() {
            zip.finish()?;
        }
        self.send().await
    }

    /// Writes what waits into the archive, and sends it if it is enough.
    async fn pack(&mut self) -> Result<(), Broken> {
        if self.next.is_empty() {
            return Ok(());
        }
        let Some(mut zip) = self.zip.take() else { return Err(Broken::Gone) };
        let bytes = std::mem::take(&mut self.next);
        let (zip, mut bytes, written) = compute(move || {
            let written = zip.write_all(&bytes);
            (zip, bytes, written)
        })
        .await;
        bytes.clear();
        (self.zip, self.next) = (Some(zip), bytes);
        written?;
        if self.pipe.lock().len() >= PIECE {
            self.send().await?;
        }
        Ok(())
    }

    async fn send(&mut self) -> Result<(), Broken> {
        let bytes = std::mem::take(&mut *self.pipe.lock());
        let mut charge = self.entries.sibling();
        charge.grow(bytes.len())?;
        self.pace.count(bytes.len());
        let started = Instant::now();
        let sent = self.out.send(Ok(charge.keep(bytes)));
        let sent = timeout(self.pace.time_left(), sent).await.map_err(|_| Broken::Slow)?;
        self.pace.waited(started.elapsed());
        sent.map_err(|_| Broken::Gone)
    }
}

/// The time as ZIP has it: without a zone, in UTC here.
fn modified(now: jiff::Timestamp) -> Option<DateTime> {
    let now = now.to_zoned(jiff::tz::TimeZone::UTC);
    let part = |value: i8| u8::try_from(value).ok();
    let (hour, minute, second) = (part(now.hour())?, part(now.minute())?, part(now.second())?);
    let year = u16::try_from(now.year()).ok()?;
    DateTime::from_date_and_time(year, part(now.month())?, part(now.day())?, hour, minute, second)
        .ok()
}
