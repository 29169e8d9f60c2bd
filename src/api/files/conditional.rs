//! Which bytes a request for a file wants (RFC 9110). Pure.

use axum::http::HeaderMap;
use axum::http::header::{IF_NONE_MATCH, IF_RANGE, RANGE};
use http_range::{HttpRange, HttpRangeParseError};

/// What a response to a request for a file sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Nothing: the client has it.
    Unchanged,
    /// Everything.
    Whole,
    /// From the first byte to the last.
    Part(u64, u64),
    /// Bytes that are not there.
    Unsatisfiable,
}

impl Wanted {
    /// Reads the headers of a request for `size` bytes with this ETag.
    pub(super) fn from_headers(headers: &HeaderMap, etag: &str, size: u64) -> Self {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let is_etag = |other: &str| other.strip_prefix("W/").unwrap_or(other) == etag;
        if text(IF_NONE_MATCH)
            .is_some_and(|etags| etags.split(',').map(str::trim).any(|e| e == "*" || is_etag(e)))
        {
            return Self::Unchanged;
        }
        match text(RANGE) {
            Some(range) if text(IF_RANGE).is_none_or(|etag_then| etag_then == etag) => {
                part(range, size)
            }
            _ => Self::Whole,
        }
    }
}

/// One range of bytes; several, or what is no range, mean everything.
fn part(range: &str, size: u64) -> Wanted {
    match HttpRange::parse(range, size).as_deref() {
        Ok([HttpRange { length: 0, .. }]) | Err(HttpRangeParseError::NoOverlap) => {
            Wanted::Unsatisfiable
        }
        Ok([HttpRange { start, length }]) => Wanted::Part(*start, start + length - 1),
        Ok(_) | Err(HttpRangeParseError::InvalidRange) => Wanted::Whole,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(pairs: &[(axum::http::HeaderName, &str)]) -> Wanted {
        let headers =
            pairs.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect();
        Wanted::from_headers(&headers, "\"e\"", 10)
    }

    #[test]
    fn ranges() {
        let cases = [
            ("bytes=0-4", Wanted::Part(0, 4)),
            ("bytes=3-", Wanted::Part(3, 9)),
            ("bytes=-3", Wanted::Part(7, 9)),
            ("bytes=-30", Wanted::Part(0, 9)),
            ("bytes=5-100", Wanted::Part(5, 9)),
            ("bytes=10-", Wanted::Unsatisfiable),
            ("bytes=-0", Wanted::Unsatisfiable),
            ("bytes=4-2", Wanted::Whole),
            ("bytes=0-1,3-4", Wanted::Whole),
            ("lines=0-1", Wanted::Whole),
            ("bytes=a-b", Wanted::Whole),
            ("bytes=-", Wanted::Whole),
        ];
        for (range, expected) in cases {
            assert_eq!(wanted(&[(RANGE, range)]), expected, "{range}");
        }
        assert_eq!(part("bytes=0-", 0), Wanted::Unsatisfiable);
    }

    #[test]
    fn etags() {
        for etags in ["\"e\"", "W/\"e\"", "\"a\", \"e\"", "*"] {
            assert_eq!(wanted(&[(IF_NONE_MATCH, etags)]), Wanted::Unchanged, "{etags}");
        }
        assert_eq!(wanted(&[(IF_NONE_MATCH, "\"a\"")]), Wanted::Whole);
        let part = (RANGE, "bytes=0-1");
        assert_eq!(wanted(&[part.clone(), (IF_RANGE, "\"e\"")]), Wanted::Part(0, 1));
        assert_eq!(wanted(&[part, (IF_RANGE, "\"old\"")]), Wanted::Whole);
    }
}
