//! Reads the bodies of answers piece by piece, none of them further than it may be long.

use bytes::Bytes;
use reqwest::Response;

use super::{SupabaseError, SupabaseErrorKind};

/// The most that is read of an answer, unless a request says otherwise.
pub const MAX_ANSWER_BYTES: usize = 64 << 20;
/// What is read of an error; its beginning says what it is.
const MAX_ERROR_BYTES: usize = 64 << 10;

/// The whole body; `AnswerTooLarge` when it has more than `max_bytes`.
pub(super) async fn read(response: Response, max_bytes: usize) -> Result<Bytes, SupabaseError> {
    if response.content_length().is_some_and(|length| length > max_bytes as u64) {
        return Err(too_large(max_bytes));
    }
    let (body, is_whole) = beginning(response, max_bytes).await?;
    if is_whole { Ok(body) } else { Err(too_large(max_bytes)) }
}

/// The body of an error, cut where it is absurdly long.
pub(super) async fn read_error(response: Response) -> Result<Bytes, SupabaseError> {
    beginning(response, MAX_ERROR_BYTES).await.map(|(body, _)| body)
}

/// At most `max_bytes` of a body, and whether that is all of it.
async fn beginning(
    mut response: Response,
    max_bytes: usize,
) -> Result<(Bytes, bool), SupabaseError> {
    let Some(first) = chunk(&mut response).await? else { return Ok((Bytes::new(), true)) };
    // Most answers are one piece, which need not be copied.
    let Some(second) = chunk(&mut response).await? else {
        return Ok((first.slice(..first.len().min(max_bytes)), first.len() <= max_bytes));
    };
    let mut body = Vec::from(first);
    let mut next = Some(second);
    while let Some(piece) = next {
        if body.len() + piece.len() > max_bytes {
            let room = max_bytes.saturating_sub(body.len()).min(piece.len());
            body.extend_from_slice(&piece[..room]);
            body.truncate(max_bytes);
            return Ok((body.into(), false));
        }
        body.extend_from_slice(&piece);
        next = chunk(&mut response).await?;
    }
    Ok((body.into(), true))
}

async fn chunk(response: &mut Response) -> Result<Option<Bytes>, SupabaseError> {
    response.chunk().await.map_err(SupabaseError::from_reqwest)
}

fn too_large(max_bytes: usize) -> SupabaseError {
    let message = format!("an answer has more than {max_bytes} bytes");
    SupabaseError::new(SupabaseErrorKind::AnswerTooLarge, message)
}

#[cfg(test)]
mod tests {
    use futures_util::stream;
    use reqwest::Body;

    use super::*;

    /// An answer in pieces; its length is not announced.
    fn pieces(pieces: &[&'static str]) -> Response {
        let pieces: Vec<_> = pieces.iter().map(|piece| Ok::<_, std::io::Error>(*piece)).collect();
        hyper::Response::new(Body::wrap_stream(stream::iter(pieces))).into()
    }

    #[tokio::test]
    async fn a_body_is_read_up_to_its_maximum() {
        for (max_bytes, expected) in [(7, Some("abcdefg")), (8, Some("abcdefg")), (6, None)] {
            for body in [&["abcdefg"][..], &["abc", "def", "g"], &["a", "bcdefg"]] {
                let read = read(pieces(body), max_bytes).await;
                match expected {
                    Some(expected) => assert_eq!(read.unwrap(), expected),
                    None => {
                        assert_eq!(read.unwrap_err().kind, SupabaseErrorKind::AnswerTooLarge);
                    }
                }
            }
        }
        assert_eq!(read(pieces(&[]), 0).await.unwrap(), "");
    }

    #[tokio::test]
    async fn a_length_that_is_announced_is_believed_without_reading() {
        let announced = hyper::Response::new(Body::from("abcdefg"));
        let refused = read(announced.into(), 6).await.unwrap_err();
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
