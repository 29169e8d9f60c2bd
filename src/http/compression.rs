//! Compresses JSON, HTML, CSS and scripts for clients that accept it.
//!
//! A secret in a compressed response can be guessed from its length by an attacker who can make the
//! client repeat the request and can choose a part of the response (BREACH). That is not possible
//! here: a response with a user's data requires an access token in a header, which browsers do not add
//! to requests of other sites. The only secrets in responses are signed URLs, which change with each
//! response.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use axum::http::header::{ACCEPT_RANGES, CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{Extensions, HeaderMap, StatusCode, Version};
use axum::response::Response;
use hyper::body::{Frame, SizeHint};
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{And, Predicate, SizeAbove};

use crate::http::security_headers::is_json;

/// Smaller responses fit one packet uncompressed, in bytes.
const MIN_BYTES: u64 = 1024;
/// How much is compressed before others get their turn, in bytes: a fraction of a millisecond.
const PIECE: usize = 64 << 10;

type Compressible = fn(StatusCode, Version, &HeaderMap, &Extensions) -> bool;

/// The layer. It skips partial content and responses that are already compressed by itself.
pub fn layer() -> CompressionLayer<And<SizeAbove, Compressible>> {
    CompressionLayer::new()
        .quality(CompressionLevel::Fastest)
        .compress_when(SizeAbove::new(MIN_BYTES).and(is_compressible as Compressible))
}

/// Excludes event streams, whose events must not wait for one another, and files.
fn is_compressible(_: StatusCode, _: Version, headers: &HeaderMap, _: &Extensions) -> bool {
    let Some(content_type) = headers.get(CONTENT_TYPE) else { return false };
    let is_file = headers.contains_key(CONTENT_DISPOSITION) || headers.contains_key(ACCEPT_RANGES);
    let is_of_page = |text: &str| {
        ["text/html", "text/css", "text/javascript", "application/javascript"]
            .iter()
            .any(|page| text.starts_with(page))
    };
    !is_file && (is_json(content_type) || content_type.to_str().is_ok_and(is_of_page))
}

/// Gives the layer a long body in pieces: what it gets at once, it compresses at once.
pub fn in_pieces(response: Response) -> Response {
    let is_long = response.body().size_hint().lower() > PIECE as u64;
    let (status, version) = (response.status(), response.version());
    if is_long && is_compressible(status, version, response.headers(), response.extensions()) {
        response.map(|body| Body::new(Pieces { body, rest: Bytes::new(), yields: false }))
    } else {
        response
    }
}

/// A body in pieces, with a pause between them.
struct Pieces {
    body: Body,
    /// What has come of the body and is not handed on yet.
    rest: Bytes,
    yields: bool,
}

impl HttpBody for Pieces {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if std::mem::take(&mut self.yields) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        if self.rest.is_empty() {
            match Pin::new(&mut self.body).poll_frame(context) {
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) => self.rest = data,
                    Err(other) => return Poll::Ready(Some(Ok(other))),
                },
                other => return other,
            }
        }
        let length = self.rest.len().min(PIECE);
        let piece = self.rest.split_to(length);
        self.yields = !self.rest.is_empty();
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (rest, of_body) = (self.rest.len() as u64, self.body.size_hint());
        let mut hint = SizeHint::new();
        hint.set_lower(of_body.lower() + rest);
        if let Some(upper) = of_body.upper() {
            hint.set_upper(upper + rest);
        }
        hint
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    #[test]
    fn a_long_body_is_handed_on_with_pauses() {
        let whole: Vec<u8> = (0..200_000_u32).map(|n| n.to_le_bytes()[0]).collect();
        let response = Response::builder().header(CONTENT_TYPE, "application/json");
        let mut body = in_pieces(response.body(whole.clone().into()).unwrap()).into_body();
        assert_eq!(body.size_hint().exact(), Some(200_000));
        let (mut read, mut pauses) = (Vec::new(), 0);
        let mut context = Context::from_waker(Waker::noop());
        loop {
            match Pin::new(&mut body).poll_frame(&mut context) {
                Poll::Pending => pauses += 1,
                Poll::Ready(None) => break,
                Poll::Ready(Some(frame)) => {
                    let piece = frame.unwrap().into_data().unwrap();
                    assert!(piece.len() <= PIECE);
                    read.extend_from_slice(&piece);
                }
            }
        }
        assert_eq!((read, pauses), (whole, 3));
    }
}
