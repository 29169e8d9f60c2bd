//! Reads whole bodies: counted as they arrive, so that who sends nothing holds nothing.

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use thiserror::Error;

use super::{Charge, Full};

/// The least room that a body is given.
const FIRST: usize = 4 << 10;
/// A long body is gathered in blocks of this length: moving it each time that it grows would take as
/// much memory again.
const BLOCK: usize = 256 << 10;

/// Why a body was not read to its end.
#[derive(Debug, Error)]
pub enum ReadError<E> {
    /// It is longer than it may be.
    #[error("longer than {0} bytes")]
    TooLarge(usize),
    /// It does not fit into memory.
    #[error(transparent)]
    Full(#[from] Full),
    /// It broke off.
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
    Ok(joined(blocks, length))
}

/// Puts a piece behind what has arrived.
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

/// The blocks go as they are copied.
fn joined(blocks: Vec<Buffer>, length: usize) -> Bytes {
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

/// A body in the making: its room grows with what has arrived, and is charged before it is taken.
pub struct Buffer {
    bytes: Vec<u8>,
    max: usize,
    charge: Charge,
}

impl Buffer {
    /// An empty one.
    pub fn new(max: usize, charge: Charge) -> Self {
        Self { bytes: Vec::new(), max, charge }
    }

    /// Takes in what has arrived.
    pub fn push<E>(&mut self, piece: &[u8]) -> Result<(), ReadError<E>> {
        let (length, capacity) = (self.bytes.len() + piece.len(), self.bytes.capacity());
        if length > self.max {
            return Err(ReadError::TooLarge(self.max));
        }
        if length > capacity {
            let room = (2 * capacity).max(FIRST).min(self.max).max(length);
            self.charge.grow(room - capacity)?;
            self.bytes.reserve_exact(room - self.bytes.len());
        }
        self.bytes.extend_from_slice(piece);
        Ok(())
    }

    /// What has arrived so far.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Ends the body before its end, with other words.
    pub fn end_at(&mut self, length: usize, end: &[u8]) {
        self.bytes.truncate(length);
        self.bytes.extend_from_slice(end);
    }

    /// All that has arrived, counted as long as it is in use.
    pub fn finish(self) -> Bytes {
        self.charge.keep(self.bytes)
    }
}
