//! The memory that a request holds until its response is sent.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use axum::response::Response;
use http_body::{Frame, SizeHint};

use super::{Charge, Full};

/// Smaller responses are not charged.
const SMALL: u64 = 4 << 10;

/// The bytes of one request: its body as it was read, and its response. Clones share them; they are
/// counted until the last clone is gone.
#[derive(Clone, Debug)]
pub struct Held(Arc<Mutex<Charge>>);

impl Held {
    /// Holds this charge.
    pub fn new(charge: Charge) -> Self {
        Self(Arc::new(Mutex::new(charge)))
    }

    /// Charges more bytes, if they fit.
    pub fn grow(&self, bytes: usize) -> Result<(), Full> {
        self.charge(|charge| charge.grow(bytes))
    }

    /// Releases bytes that were charged and are not in use any more.
    pub fn shrink(&self, bytes: usize) {
        self.charge(|charge| charge.shrink(bytes));
    }

    /// The bytes charged.
    pub fn bytes(&self) -> usize {
        self.charge(|charge| charge.bytes)
    }

    /// An empty charge of the same holder, for bytes that are freed before the response is sent.
    pub fn sibling(&self) -> Charge {
        self.charge(|charge| charge.sibling())
    }

    /// Keeps the charge until the body of this response is sent or dropped.
    pub fn attach_to(self, response: Response) -> Response {
        let size = response.body().size_hint().exact().filter(|size| *size >= SMALL);
        if let Some(size) = size.and_then(|size| usize::try_from(size).ok()) {
            self.charge(|charge| charge.grow_unchecked(size));
        }
        if self.bytes() == 0 {
            return response;
        }
        response.map(|body| Body::new(ChargedBody { body, _held: self }))
    }

    fn charge<T>(&self, work: impl FnOnce(&mut Charge) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A body and its charge.
struct ChargedBody {
    body: Body,
    _held: Held,
}

impl HttpBody for ChargedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
