//! Conditional and range requests for files (RFC 9110). Pure.

use axum::http::HeaderMap;
use axum::http::header::{IF_NONE_MATCH, IF_RANGE, RANGE};
use http_range::{HttpRange, HttpRangeParseError};

/// What the response contains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ContentSelection {
    /// 304: the client has the current content.
    NotModified,
    /// The whole content.
    Whole,
    /// The bytes from the first to the last, inclusive.
    Range(u64, u64),
    /// 416: the range begins after the end.
    Unsatisfiable,
}

impl ContentSelection {
    /// Reads the headers of a request for `size` bytes with this ETag.
    pub(super) fn from_headers(headers: &HeaderMap, etag: &str, size: u64) -> Self {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let is_etag = |other: &str| other.strip_prefix("W/").unwrap_or(other) == etag;
        if text(IF_NONE_MATCH)
            .is_some_and(|etags| etags.split(',').map(str::trim).any(|e| e == "*" || is_etag(e)))
        {
            return Self::NotModified;
        }
        match text(RANGE) {
            Some(range) if text(IF_RANGE).is_none_or(|etag_then| etag_then == etag) => {
                select_range(range, size)
            }
            _ => Self::Whole,
        }
    }
}

/// A single range of bytes; several ranges, or an invalid header, mean the whole content.
fn select_range(range: &str, size: u64) -> ContentSelection {
    match HttpRange::parse(range, size).as_deref() {
        Ok([HttpRange { length: 0, .. }]) | Err(HttpRangeParseError::NoOverlap) => {
            ContentSelection::Unsatisfiable
        }
        Ok([HttpRange { start, length }]) => ContentSelection::Range(*start, start + length - 1),
        Ok(_) | Err(HttpRangeParseError::InvalidRange) => ContentSelection::Whole,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selection(pairs: &[(axum::http::HeaderName, &str)]) -> ContentSelection {
        let headers =
            pairs.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect();
        ContentSelection::from_headers(&headers, "\"e\"", 10)
    }

    #[test]
    fn ranges() {
        let cases = [
            ("bytes=0-4", ContentSelection::Range(0, 4)),
            ("bytes=3-", ContentSelection::Range(3, 9)),
            ("bytes=-3", ContentSelection::Range(7, 9)),
            ("bytes=-30", ContentSelection::Range(0, 9)),
            ("bytes=5-100", ContentSelection::Range(5, 9)),
            ("bytes=10-", ContentSelection::Unsatisfiable),
            ("bytes=-0", ContentSelection::Unsatisfiable),
            ("bytes=4-2", ContentSelection::Whole),
            ("bytes=0-1,3-4", ContentSelection::Whole),
            ("lines=0-1", ContentSelection::Whole),
            ("bytes=a-b", ContentSelection::Whole),
            ("bytes=-", ContentSelection::Whole),
        ];
        for (range, expected) in cases {
            assert_eq!(selection(&[(RANGE, range)]), expected, "{range}");
        }
        assert_eq!(select_range("bytes=0-", 0), ContentSelection::Unsatisfiable);
    }

    #[test]
    fn etags() {
        for etags in ["\"e\"", "W/\"e\"", "\"a\", \"e\"", "*"] {
            assert_eq!(
                selection(&[(IF_NONE_MATCH, etags)]),
                ContentSelection::NotModified,
                "{etags}"
            );
        }
        assert_eq!(selection(&[(IF_NONE_MATCH, "\"a\"")]), ContentSelection::Whole);
        let part = (RANGE, "bytes=0-1");
        assert_eq!(selection(&[part.clone(), (IF_RANGE, "\"e\"")]), ContentSelection::Range(0, 1));
        assert_eq!(selection(&[part, (IF_RANGE, "\"old\"")]), ContentSelection::Whole);
    }
}
