//! Forms with files (`multipart/form-data`), read piece by piece in bounded memory and time.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use bytes::Bytes;
use futures_util::{Stream, stream};
use thiserror::Error;
use tokio::time::Instant;

use super::pace::{IDLE, Pace};
use super::{Charge, Full};

/// How long the rest of a refused body is read.
const DRAIN: Duration = Duration::from_secs(10);
/// The most that the parser may buffer, which bounds the headers of a part.
const MAX_BUFFERED: usize = 4 << 20;

type Refusal = Box<dyn std::error::Error + Send + Sync>;

/// A form that is being read.
pub struct Form {
    inner: multer::Multipart<'static>,
    buffered: Arc<Buffered>,
}

/// A field of a form.
pub struct Field {
    inner: multer::Field<'static>,
    buffered: Arc<Buffered>,
}

/// How much the parser has read and not yet returned.
struct Buffered {
    bytes: Mutex<(usize, Charge)>,
    /// How fast the body comes: an upload may hold a place that others wait for.
    pace: Mutex<Pace>,
    /// The rest is read only to be discarded.
    is_drained: AtomicBool,
}

/// Why a form cannot be read.
#[derive(Debug, Error)]
pub enum FormError {
    /// The body is not a form, or is truncated.
    #[error("malformed form: {0}")]
    Malformed(#[from] multer::Error),
    /// The body was idle for too long, or came too slowly.
    #[error("the form came too slowly")]
    Idle,
    /// A text field exceeds the maximum length.
    #[error("a field is too long")]
    TooLong,
}

impl Buffered {
    fn charged(charge: Charge) -> Self {
        let bytes = Mutex::new((0, charge));
        Self { bytes, pace: Mutex::default(), is_drained: AtomicBool::new(false) }
    }

    /// Waits for more of the body, but not for long.
    async fn wait_for<T>(&self, more: impl Future<Output = T>) -> Result<T, FormError> {
        let time_left = self.pace().time_left().min(IDLE);
        let started = Instant::now();
        let more = tokio::time::timeout(time_left, more).await;
        self.pace().waited(started.elapsed());
        more.map_err(|_| FormError::Idle)
    }

    fn pace(&self) -> MutexGuard<'_, Pace> {
        self.pace.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count(&self, length: usize) -> Result<(), Refusal> {
        self.pace().count(length);
        if self.is_drained.load(Ordering::Relaxed) {
            return Ok(());
        }
        let mut bytes = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        bytes.1.grow(length)?;
        bytes.0 += length;
        if bytes.0 > MAX_BUFFERED {
            Err("a header or boundary does not end".into())
        } else {
            Ok(())
        }
    }

    fn reset(&self) {
        let mut bytes = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        bytes.0 = 0;
        bytes.1.clear();
    }
}

impl FormError {
    /// The exceeded memory budget, if that is the cause.
    pub fn full(&self) -> Option<Full> {
        let Self::Malformed(multer::Error::StreamReadFailed(cause)) = self else { return None };
        cause.downcast_ref().copied()
    }
}

impl Form {
    /// Reads a form from a body; `None` if the content type is a different one. Buffered bytes are
    /// charged.
    pub fn from_body(content_type: Option<&str>, body: Body, charge: Charge) -> Option<Self> {
        let boundary = multer::parse_boundary(content_type?).ok()?;
        let buffered = Arc::new(Buffered::charged(charge));
        let source =
            Source { body: body.into_data_stream(), buffered: buffered.clone(), yields: false };
        Some(Self { inner: multer::Multipart::new(source, boundary), buffered })
    }

    /// The next field. Skips the rest of the previous one.
    pub async fn next(&mut self) -> Result<Option<Field>, FormError> {
        let field = self.buffered.wait_for(self.inner.next_field()).await??;
        self.buffered.reset();
        Ok(field.map(|inner| Field { inner, buffered: self.buffered.clone() }))
    }

    /// Discards the rest, because clients that are still sending do not read the response.
    pub async fn drain(&mut self) {
        self.buffered.is_drained.store(true, Ordering::Relaxed);
        let rest = async { while let Ok(Some(_)) = self.next().await {} };
        // A client that keeps sending for longer is disconnected.
        let _ = tokio::time::timeout(DRAIN, rest).await;
    }
}

impl Field {
    /// The name of the field, possibly empty.
    pub fn name(&self) -> &str {
        self.inner.name().unwrap_or_default()
    }

    /// The file name, as sent by the client.
    pub fn file_name(&self) -> Option<&str> {
        self.inner.file_name()
    }

    /// The content type, as sent by the client.
    pub fn content_type(&self) -> Option<String> {
        self.inner.content_type().map(ToString::to_string)
    }

    /// The next chunk of the content.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, FormError> {
        let piece = self.buffered.wait_for(self.inner.chunk()).await??;
        self.buffered.reset();
        Ok(piece)
    }

    /// The content as a stream.
    pub fn chunks(self) -> impl Stream<Item = Result<Bytes, FormError>> + Send {
        stream::try_unfold(self, |mut field| async move {
            Ok(field.chunk().await?.map(|piece| (piece, field)))
        })
    }

    /// The content as text of at most `max` bytes.
    pub async fn text(mut self, max: usize) -> Result<String, FormError> {
        let mut bytes = Vec::new();
        while let Some(piece) = self.chunk().await? {
            bytes.extend_from_slice(&piece);
            if bytes.len() > max {
                return Err(FormError::TooLong);
            }
        }
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

/// The parser reads whatever is ready before it parses any of it, so this yields between chunks.
struct Source {
    body: BodyDataStream,
    buffered: Arc<Buffered>,
    yields: bool,
}

impl Stream for Source {
    type Item = Result<Bytes, Refusal>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if std::mem::take(&mut self.yields) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let piece = match Pin::new(&mut self.body).poll_next(context) {
            Poll::Ready(Some(piece)) => piece,
            Poll::Ready(None) => return Poll::Ready(None),
            Poll::Pending => return Poll::Pending,
        };
        let length = piece.as_ref().map_or(0, Bytes::len);
        self.yields = true;
        if let Err(refusal) = self.buffered.count(length) {
            return Poll::Ready(Some(Err(refusal)));
        }
        Poll::Ready(Some(piece.map_err(Into::into)))
    }
}
