//! A response to a tool, read no further than its limit.

use bytes::Bytes;
use futures_util::StreamExt;
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, SET_COOKIE};
use reqwest::{Response as HttpResponse, StatusCode};

use super::error::EgressError;
use super::turns::Turn;
use crate::memory::{Buffer, Charge};

/// A response whose body has not been read.
pub struct Response {
    response: HttpResponse,
    host: String,
    charge: Charge,
    turn: Turn,
}

/// A body, charged to its user as long as it is in use.
#[derive(Clone, Debug)]
pub struct Body {
    /// The bytes, unpacked; at most as many as were asked for.
    pub bytes: Bytes,
    /// Whether there were more.
    pub is_cut: bool,
    /// How long it is in all, where that is known.
    pub length: Option<u64>,
}

impl Response {
    pub(super) fn new(
        mut response: HttpResponse,
        host: String,
        charge: Charge,
        turn: Turn,
    ) -> Self {
        response.headers_mut().remove(SET_COOKIE);
        Self { response, host, charge, turn }
    }

    /// The status.
    pub fn status(&self) -> StatusCode {
        self.response.status()
    }

    /// The headers, without cookies.
    pub fn headers(&self) -> &HeaderMap {
        self.response.headers()
    }

    /// The media type, in lower case and without parameters.
    pub fn media_type(&self) -> Option<String> {
        let value = self.headers().get(CONTENT_TYPE)?.to_str().ok()?;
        let media_type = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        Some(media_type).filter(|text| !text.is_empty())
    }

    /// Whether the body is packed in a way that was not asked for.
    pub fn is_packed(&self) -> bool {
        let encoding = self.headers().get(CONTENT_ENCODING);
        encoding.is_some_and(|encoding| encoding != "identity")
    }

    /// How long the body is, where that is known.
    pub fn length(&self) -> Option<u64> {
        self.response.content_length()
    }

    /// Reads at most `max` bytes of the unpacked body; the rest is never read.
    pub async fn read(self, max: usize) -> Result<Body, EgressError> {
        let length = self.length();
        let mut buffer = Buffer::new(max, self.charge);
        let mut pieces = self.response.bytes_stream();
        let mut is_cut = false;
        while let Some(piece) = pieces.next().await {
            let piece = piece.map_err(|error| EgressError::from_reqwest(&error, &self.host))?;
            let room = max - buffer.bytes().len();
            let pushed = buffer.push(&piece[..piece.len().min(room)]);
            pushed.map_err(|error| EgressError::from_read(&error, &self.host))?;
            if piece.len() > room {
                is_cut = true;
                break;
            }
        }
        drop((pieces, self.turn));
        Ok(Body { bytes: buffer.finish(), is_cut, length })
    }

    /// The response for a reader of its own, which bounds what it reads and holds the turn as long as it reads.
    pub fn into_parts(self) -> (HttpResponse, Charge, Turn) {
        (self.response, self.charge, self.turn)
    }
}
