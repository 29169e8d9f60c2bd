//! The bytes of an upload: counted, hashed and bounded as they pass.

use aws_lc_rs::digest::{Context, SHA256};
use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt};

use super::error::too_large;
use crate::api::files::{media_type, picture};
use crate::http::error::ApiError;

/// A file's bytes as they arrive.
pub(super) struct Content<S> {
    source: S,
    /// Read, but not yet returned.
    head: Bytes,
    max_bytes: u64,
    size: u64,
    /// All bytes have been read.
    is_whole: bool,
    hash: Context,
}

/// What is known once all bytes have passed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Digest {
    pub(super) size: u64,
    pub(super) sha256: String,
}

impl<S: Stream<Item = Result<Bytes, ApiError>> + Unpin> Content<S> {
    /// Reads as many bytes as the detection of the media type needs.
    pub(super) async fn open(source: S, max_bytes: u64) -> Result<Self, ApiError> {
        let (head, hash) = (Bytes::new(), Context::new(&SHA256));
        let mut content = Self { source, head, max_bytes, size: 0, is_whole: false, hash };
        content.read_ahead(media_type::HEAD).await?;
        Ok(content)
    }

    async fn read_ahead(&mut self, length: usize) -> Result<(), ApiError> {
        let mut head = BytesMut::from(std::mem::take(&mut self.head));
        while head.len() < length && !self.is_whole {
            match self.source.next().await {
                Some(piece) => head.extend_from_slice(&piece?),
                None => self.is_whole = true,
            }
        }
        // Bytes that were in memory come as one piece, after which there is none.
        self.is_whole |= self.source.size_hint().1 == Some(0);
        self.head = head.freeze();
        Ok(())
    }

    /// 422 for an image whose header is invalid. To be called before
    /// any piece is taken.
    pub(super) async fn check_picture(&mut self, media_type: &str) -> Result<(), ApiError> {
        if !picture::is_picture(media_type) {
            return Ok(());
        }
        self.read_ahead(picture::HEAD).await?;
        let size = self.length().unwrap_or(u64::MAX);
        let found = picture::dimensions(media_type, &self.head, size);
        found.map(drop).map_err(|problem| ApiError::invalid("/file", problem))
    }

    /// The size, if all bytes have been read before the first is taken.
    pub(super) fn length(&self) -> Option<u64> {
        self.is_whole.then_some(self.head.len() as u64)
    }

    /// The first bytes.
    pub(super) fn head(&self) -> &[u8] {
        &self.head[..self.head.len().min(media_type::HEAD)]
    }

    /// The next bytes; 413 if the limit is exceeded.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, ApiError> {
        let piece = if self.head.is_empty() {
            match self.source.next().await {
                Some(piece) => piece?,
                None => return Ok(None),
            }
        } else {
            std::mem::take(&mut self.head)
        };
        self.size += piece.len() as u64;
        if self.size > self.max_bytes {
            return Err(too_large(self.max_bytes));
        }
        self.hash.update(&piece);
        Ok(Some(piece))
    }

    /// The number of bytes that have passed.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// What has passed.
    pub(super) fn digest(self) -> Digest {
        let hash = self.hash.finish();
        let sha256 = hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        Digest { size: self.size, sha256 }
    }
}
