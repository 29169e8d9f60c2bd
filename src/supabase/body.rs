//! Reads response bodies up to a maximum length.

use bytes::Bytes;
use reqwest::Response;

use super::page::{PAGE_BYTES, RowScanner, RowsAt};
use super::{SupabaseError, SupabaseErrorKind};
use crate::memory::{self, Buffer, Charge, ReadError};

/// The maximum length of a response, unless a request sets another one.
pub const MAX_ANSWER_BYTES: usize = 64 << 20;
/// How much of an error is read.
const MAX_ERROR_BYTES: usize = 64 << 10;

/// The whole body; `AnswerTooLarge` when it has more than `max_bytes`.
pub(super) async fn read(
    response: Response,
    max_bytes: usize,
    charge: Charge,
) -> Result<Bytes, SupabaseError> {
    let expected = response.content_length();
    let body = memory::read(response.bytes_stream(), expected, max_bytes, charge).await;
    body.map_err(unread)
}

/// As many whole rows as make a page, at least one, and whether there are more.
pub(super) async fn read_page(
    mut response: Response,
    rows: RowsAt,
    max_bytes: usize,
    charge: Charge,
) -> Result<(Bytes, bool), SupabaseError> {
    let mut page = RowScanner::new(rows, PAGE_BYTES);
    let mut body = Buffer::new(max_bytes, charge);
    while let Some(piece) = chunk(&mut response).await? {
        body.add(piece).map_err(unread)?;
        if let Some((end, closing)) = page.end(body.bytes()) {
            body.truncate_and_append(end, closing);
            return Ok((body.finish(), true));
        }
    }
    Ok((body.finish(), false))
}

/// The body of an error, truncated.
pub(super) async fn read_error(mut response: Response) -> Result<Bytes, SupabaseError> {
    let mut body = Vec::new();
    while let Some(piece) = chunk(&mut response).await? {
        let room = MAX_ERROR_BYTES - body.len();
        body.extend_from_slice(&piece[..piece.len().min(room)]);
        if piece.len() >= room {
            break;
        }
    }
    Ok(body.into())
}

async fn chunk(response: &mut Response) -> Result<Option<Bytes>, SupabaseError> {
    response.chunk().await.map_err(SupabaseError::from_reqwest)
}

fn unread(error: ReadError<reqwest::Error>) -> SupabaseError {
    match error {
        ReadError::Broken(error) => SupabaseError::from_reqwest(error),
        ReadError::Full(full) => full.into(),
        ReadError::TooLarge(max_bytes) => {
            let message = format!("an answer has more than {max_bytes} bytes");
            SupabaseError::new(SupabaseErrorKind::AnswerTooLarge, message)
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;
    use reqwest::Body;

    use super::*;
    use crate::memory::{Holder, Memory};

    fn charge() -> Charge {
        Memory::new(1 << 20).charge(Holder::Server)
    }

    /// An answer in pieces; its length is not announced.
    fn pieces(pieces: &[&'static str]) -> Response {
        let pieces: Vec<_> = pieces.iter().map(|piece| Ok::<_, std::io::Error>(*piece)).collect();
        hyper::Response::new(Body::wrap_stream(stream::iter(pieces))).into()
    }

    #[tokio::test]
    async fn a_body_is_read_up_to_its_maximum() {
        for (max_bytes, expected) in [(7, Some("abcdefg")), (8, Some("abcdefg")), (6, None)] {
            for body in [&["abcdefg"][..], &["abc", "def", "g"], &["a", "bcdefg"]] {
                let read = read(pieces(body), max_bytes, charge()).await;
                match expected {
                    Some(expected) => assert_eq!(read.unwrap(), expected),
                    None => {
                        assert_eq!(read.unwrap_err().kind, SupabaseErrorKind::AnswerTooLarge);
                    }
                }
            }
        }
        assert_eq!(read(pieces(&[]), 0, charge()).await.unwrap(), "");
    }

    #[tokio::test]
    async fn a_length_that_is_announced_is_believed_without_reading() {
        let announced = hyper::Response::new(Body::from("abcdefg"));
        let refused = read(announced.into(), 6, charge()).await.unwrap_err();
        assert_eq!(refused.kind, SupabaseErrorKind::AnswerTooLarge);
    }

    #[tokio::test]
    async fn a_long_error_is_cut() {
        let long: &'static str = "x".repeat(MAX_ERROR_BYTES - 1).leak();
        let body = read_error(pieces(&[long, "abc", "d"])).await.unwrap();
        assert_eq!(body.len(), MAX_ERROR_BYTES);
        assert!(body.ends_with(b"xa"));
    }
}
