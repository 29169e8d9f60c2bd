//! Forms with files (`multipart/form-data`), read piece by piece in bounded memory and time.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use bytes::Bytes;
use futures_util::{Stream, stream};
use thiserror::Error;

use super::{Charge, Full};

/// A body may be silent this long.
pub const IDLE: Duration = Duration::from_secs(60);
/// How long the rest of a refused body is read.
const DRAIN: Duration = Duration::from_secs(10);
/// What may be waiting between two boundaries or pieces: a header that never ends is not awaited.
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

/// How much the parser has taken in and not given out.
struct Buffered {
    bytes: Mutex<(usize, Charge)>,
    /// Nothing is given out any more.
    is_drained: AtomicBool,
}

/// Why a form cannot be read on.
#[derive(Debug, Error)]
pub enum FormError {
    /// The body is no form, or ends too early.
    #[error("malformed form: {0}")]
    Malformed(#[from] multer::Error),
    /// Nothing has come for a while.
    #[error("the form fell silent")]
    Idle,
    /// A text field is longer than it may be.
    #[error("a field is too long")]
    TooLong,
}

impl Buffered {
    fn charged(charge: Charge) -> Self {
        Self { bytes: Mutex::new((0, charge)), is_drained: AtomicBool::new(false) }
    }

    fn count(&self, length: usize) -> Result<(), Refusal> {
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
    /// That the form does not fit into memory, if that is why.
    pub fn full(&self) -> Option<Full> {
        let Self::Malformed(multer::Error::StreamReadFailed(cause)) = self else { return None };
        cause.downcast_ref().copied()
    }
}

impl Form {
    /// The form in a body; `None` if the content type is another. What the parser has taken in and
    /// not given out yet is charged.
    pub fn from_body(content_type: Option<&str>, body: Body, charge: Charge) -> Option<Self> {
        let boundary = multer::parse_boundary(content_type?).ok()?;
        let buffered = Arc::new(Buffered::charged(charge));
        let source =
            Source { body: body.into_data_stream(), buffered: buffered.clone(), yields: false };
        Some(Self { inner: multer::Multipart::new(source, boundary), buffered })
    }

    /// The next field. The one before has been read to its end.
    pub async fn next(&mut self) -> Result<Option<Field>, FormError> {
        let field = within_idle(self.inner.next_field()).await??;
        self.buffered.reset();
        Ok(field.map(|inner| Field { inner, buffered: self.buffered.clone() }))
    }

    /// Reads the rest and forgets it: clients that are still sending do not read an answer.
    pub async fn drain(&mut self) {
        self.buffered.is_drained.store(true, Ordering::Relaxed);
        let rest = async { while let Ok(Some(_)) = self.next().await {} };
        // A client that goes on for longer is cut off.
        let _ = tokio::time::timeout(DRAIN, rest).await;
    }
}

impl Field {
    /// Its name, possibly empty.
    pub fn name(&self) -> &str {
        self.inner.name().unwrap_or_default()
    }

    /// The name of the file in it, as the client calls it.
    pub fn file_name(&self) -> Option<&str> {
        self.inner.file_name()
    }

    /// Its type, as the client says.
    pub fn content_type(&self) -> Option<String> {
        self.inner.content_type().map(ToString::to_string)
    }

    /// The next bytes of it.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, FormError> {
        let piece = within_idle(self.inner.chunk()).await??;
        self.buffered.reset();
        Ok(piece)
    }

    /// All bytes of it, as they come.
    pub fn chunks(self) -> impl Stream<Item = Result<Bytes, FormError>> + Send {
        stream::try_unfold(self, |mut field| async move {
            Ok(field.chunk().await?.map(|piece| (piece, field)))
        })
    }

    /// A text of at most `max` bytes.
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

async fn within_idle<T>(work: impl Future<Output = T>) -> Result<T, FormError> {
    tokio::time::timeout(IDLE, work).await.map_err(|_| FormError::Idle)
}

/// The parser takes in whatever is ready before it looks at any of it, so this hands over one piece
/// at a time.
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
