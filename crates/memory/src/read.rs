//! Reads whole bodies, which are charged as they arrive, not as they are announced.

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use thiserror::Error;

use super::{Charge, Full};

/// The initial capacity of a buffer.
const MIN_CAPACITY: usize = 4 << 10;
/// A long body is collected in blocks of this length: reallocating it would take twice the memory.
const BLOCK: usize = 256 << 10;
/// A chunk that is shorter is always copied: it would keep the larger buffer alive that it was read into.
const MIN_KEPT: usize = 16 << 10;

/// Why a body was not read to its end.
#[derive(Debug, Error)]
pub enum ReadError<E> {
    /// It exceeds the maximum length.
    #[error("longer than {0} bytes")]
    TooLarge(usize),
    /// It does not fit into memory.
    #[error(transparent)]
    Full(#[from] Full),
    /// The stream failed.
    #[error("broken off: {0}")]
    Broken(E),
}

/// Reads at most `max` bytes. `expected` is how many there will be, where that is known: a body that
/// cannot fit is refused before its first byte is read.
pub async fn read<E>(
    pieces: impl Stream<Item = Result<Bytes, E>>,
    expected: Option<u64>,
    max: usize,
    charge: Charge,
) -> Result<Bytes, ReadError<E>> {
    let expected = expected.map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
    if expected.is_some_and(|bytes| bytes > max) {
        return Err(ReadError::TooLarge(max));
    }
    charge.fits(expected.unwrap_or(0))?;
    let mut pieces = std::pin::pin!(pieces);
    let mut blocks = vec![Buffer::new(max.min(BLOCK), charge.sibling())];
    let mut length = 0;
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(ReadError::Broken)?;
        length += piece.len();
        if length > max {
            return Err(ReadError::TooLarge(max));
        }
        fill(&mut blocks, &piece, &charge)?;
    }
    Ok(concat(blocks, length))
}

/// Appends a chunk.
fn fill<E>(blocks: &mut Vec<Buffer>, piece: &[u8], charge: &Charge) -> Result<(), ReadError<E>> {
    let mut rest = piece;
    while !rest.is_empty() {
        match blocks.last_mut() {
            Some(last) if last.bytes.len() < BLOCK => {
                let (fitting, later) = rest.split_at(rest.len().min(BLOCK - last.bytes.len()));
                last.push(fitting)?;
                rest = later;
            }
            _ => blocks.push(Buffer::new(BLOCK, charge.sibling())),
        }
    }
    Ok(())
}

/// Each block is freed as it is copied.
fn concat(blocks: Vec<Buffer>, length: usize) -> Bytes {
    let mut blocks = blocks.into_iter();
    let Some(mut whole) = blocks.next() else { return Bytes::new() };
    if blocks.len() > 0 {
        whole.bytes.reserve_exact(length - whole.bytes.len());
    }
    for Buffer { bytes, charge, .. } in blocks {
        whole.bytes.extend_from_slice(&bytes);
        whole.charge.absorb(charge);
    }
    whole.finish()
}

/// A growing body, whose capacity is charged before it is allocated.
pub struct Buffer {
    /// The first chunk, as long as there is no other one: most bodies come in one, and need not be copied.
    only: Bytes,
    bytes: Vec<u8>,
    max: usize,
    charge: Charge,
}

impl Buffer {
    /// An empty buffer.
    pub fn new(max: usize, charge: Charge) -> Self {
        Self { only: Bytes::new(), bytes: Vec::new(), max, charge }
    }

    /// Appends a chunk, which is kept as it is if it is the only one.
    pub fn add<E>(&mut self, piece: Bytes) -> Result<(), ReadError<E>> {
        let is_first = self.only.is_empty() && self.bytes.is_empty();
        if is_first && (MIN_KEPT..=self.max).contains(&piece.len()) {
            self.charge.grow(piece.len())?;
            self.only = piece;
            return Ok(());
        }
        self.push(&piece)
    }

    /// Appends a copy of a chunk.
    pub fn push<E>(&mut self, piece: &[u8]) -> Result<(), ReadError<E>> {
        if !self.only.is_empty() {
            let only = std::mem::take(&mut self.only);
            self.charge.clear();
            self.push(&only)?;
        }
        let (length, capacity) = (self.bytes.len() + piece.len(), self.bytes.capacity());
        if length > self.max {
            return Err(ReadError::TooLarge(self.max));
        }
        if length > capacity {
            let room = (2 * capacity).max(MIN_CAPACITY).min(self.max).max(length);
            self.charge.grow(room - capacity)?;
            self.bytes.reserve_exact(room - self.bytes.len());
        }
        self.bytes.extend_from_slice(piece);
        Ok(())
    }

    /// The bytes so far.
    pub fn bytes(&self) -> &[u8] {
        if self.only.is_empty() { &self.bytes } else { &self.only }
    }

    /// Truncates the body and appends other bytes.
    pub fn truncate_and_append(&mut self, length: usize, end: &[u8]) {
        if !self.only.is_empty() {
            self.bytes = std::mem::take(&mut self.only).to_vec();
        }
        self.bytes.truncate(length);
        self.bytes.extend_from_slice(end);
    }

    /// The whole body, charged as long as it is in use.
    pub fn finish(self) -> Bytes {
        match self.only.is_empty() {
            true => self.charge.keep(self.bytes),
            false => self.charge.keep(self.only),
        }
    }
}
