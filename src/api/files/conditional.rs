//! Conditional and range requests for files (RFC 9110, sections 13 and 14). Pure.

use std::time::SystemTime;

use axum::http::header::{
    IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE, RANGE,
};
use axum::http::{HeaderMap, HeaderName, Method};
use http_range::{HttpRange, HttpRangeParseError};

/// What the response contains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ContentSelection {
    /// 412: the content is not the one that the client means.
    PreconditionFailed,
    /// 304: the client has the current content.
    NotModified,
    /// The whole content.
    Whole,
    /// The bytes from the first to the last, inclusive.
    Range(u64, u64),
    /// 416: the range begins after the end.
    Unsatisfiable,
}

/// The content that there is.
pub(super) struct Validators<'a> {
    /// A strong one.
    pub(super) etag: &'a str,
    /// In whole seconds.
    pub(super) last_modified: Option<SystemTime>,
    /// In bytes.
    pub(super) size: u64,
}

impl ContentSelection {
    /// Reads the headers of a GET or HEAD request, in the order that the RFC prescribes.
    pub(super) fn new(method: &Method, headers: &HeaderMap, content: &Validators<'_>) -> Self {
        let conditions = Conditions { headers, content };
        if !conditions.is_meant() {
            return Self::PreconditionFailed;
        }
        if conditions.is_known() {
            return Self::NotModified;
        }
        match conditions.text(&RANGE) {
            Some(range) if method == Method::GET && conditions.range_applies() => {
                select_range(range, content.size)
            }
            _ => Self::Whole,
        }
    }
}

struct Conditions<'a> {
    headers: &'a HeaderMap,
    content: &'a Validators<'a>,
}

impl Conditions<'_> {
    /// `If-Match`, else `If-Unmodified-Since`.
    fn is_meant(&self) -> bool {
        match self.etags(&IF_MATCH) {
            Some(etags) => etags.iter().any(|etag| *etag == "*" || *etag == self.content.etag),
            None => !self.date(&IF_UNMODIFIED_SINCE).is_some_and(|date| self.is_newer(date)),
        }
    }

    /// `If-None-Match`, else `If-Modified-Since`.
    fn is_known(&self) -> bool {
        let weak = |etag: &str| etag.strip_prefix("W/").unwrap_or(etag) == self.content.etag;
        match self.etags(&IF_NONE_MATCH) {
            Some(etags) => etags.iter().any(|etag| *etag == "*" || weak(etag)),
            None => {
                let date = self.date(&IF_MODIFIED_SINCE);
                self.content.last_modified.is_some()
                    && date.is_some_and(|date| !self.is_newer(date))
            }
        }
    }

    /// `If-Range`: only what is exactly this content can be completed by a part of it.
    fn range_applies(&self) -> bool {
        match self.text(&IF_RANGE) {
            None => !self.headers.contains_key(IF_RANGE),
            Some(etag) if etag.ends_with('"') => etag == self.content.etag,
            Some(date) => {
                let date = httpdate::parse_http_date(date).ok();
                date.is_some() && date == self.content.last_modified
            }
        }
    }

    fn is_newer(&self, date: SystemTime) -> bool {
        self.content.last_modified.is_some_and(|modified| modified > date)
    }

    fn text(&self, name: &HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// A date that cannot be read counts as none.
    fn date(&self, name: &HeaderName) -> Option<SystemTime> {
        httpdate::parse_http_date(self.text(name)?).ok()
    }

    /// The list may come in several lines. Ours has no comma in it.
    fn etags(&self, name: &HeaderName) -> Option<Vec<&str>> {
        let lines = self.headers.get_all(name).iter().filter_map(|line| line.to_str().ok());
        let etags = lines.flat_map(|line| line.split(',')).map(str::trim);
        self.headers.contains_key(name).then(|| etags.collect())
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

    const BEFORE: &str = "Sun, 22 Nov 2026 11:59:59 GMT";
    const THEN: &str = "Sun, 22 Nov 2026 12:00:00 GMT";
    const AFTER: &str = "Sun, 22 Nov 2026 12:00:01 GMT";

    fn select(method: &Method, pairs: &[(HeaderName, &str)]) -> ContentSelection {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(name, value.parse().unwrap());
        }
        let last_modified = httpdate::parse_http_date(THEN).ok();
        let content = Validators { etag: "\"e\"", last_modified, size: 10 };
        ContentSelection::new(method, &headers, &content)
    }

    fn selection(pairs: &[(HeaderName, &str)]) -> ContentSelection {
        select(&Method::GET, pairs)
    }

    #[test]
    fn ranges() {
        let cases = [
            ("bytes=0-4", ContentSelection::Range(0, 4)),
            ("Bytes=3-", ContentSelection::Range(3, 9)),
            ("bytes=-3", ContentSelection::Range(7, 9)),
            ("bytes=-30", ContentSelection::Range(0, 9)),
            ("bytes=5-100", ContentSelection::Range(5, 9)),
            ("bytes=9-18446744073709551615", ContentSelection::Range(9, 9)),
            ("bytes=9-18446744073709551616", ContentSelection::Whole),
            ("bytes=10-", ContentSelection::Unsatisfiable),
            ("bytes=-0", ContentSelection::Unsatisfiable),
            ("bytes=20-30,40-", ContentSelection::Unsatisfiable),
            ("bytes=4-2", ContentSelection::Whole),
            ("bytes=0-1,3-4", ContentSelection::Whole),
            ("lines=0-1", ContentSelection::Whole),
            ("bytes=a-b", ContentSelection::Whole),
            ("bytes=+1-2", ContentSelection::Whole),
            ("bytes=-", ContentSelection::Whole),
        ];
        for (range, expected) in cases {
            assert_eq!(selection(&[(RANGE, range)]), expected, "{range}");
        }
        assert_eq!(select_range("bytes=0-", 0), ContentSelection::Unsatisfiable);
        let head = select(&Method::HEAD, &[(RANGE, "bytes=0-4")]);
        assert_eq!(head, ContentSelection::Whole, "ranges are for GET");
    }

    #[test]
    fn preconditions_come_in_their_order() {
        use ContentSelection::{NotModified, PreconditionFailed, Whole};
        let cases: &[(&[(HeaderName, &str)], ContentSelection)] = &[
            (&[(IF_MATCH, "\"e\"")], Whole),
            (&[(IF_MATCH, "\"a\", \"e\"")], Whole),
            (&[(IF_MATCH, "\"a\""), (IF_MATCH, "\"e\"")], Whole),
            (&[(IF_MATCH, "*")], Whole),
            (&[(IF_MATCH, "W/\"e\"")], PreconditionFailed),
            (&[(IF_MATCH, "\"old\"")], PreconditionFailed),
            (&[(IF_MATCH, "\"e\""), (IF_UNMODIFIED_SINCE, BEFORE)], Whole),
            (&[(IF_UNMODIFIED_SINCE, BEFORE)], PreconditionFailed),
            (&[(IF_UNMODIFIED_SINCE, THEN)], Whole),
            (&[(IF_UNMODIFIED_SINCE, "yesterday")], Whole),
            (&[(IF_MATCH, "\"old\""), (IF_NONE_MATCH, "\"e\"")], PreconditionFailed),
            (&[(IF_NONE_MATCH, "\"e\"")], NotModified),
            (&[(IF_NONE_MATCH, "W/\"e\"")], NotModified),
            (&[(IF_NONE_MATCH, "\"a\", \"e\"")], NotModified),
            (&[(IF_NONE_MATCH, "*")], NotModified),
            (&[(IF_NONE_MATCH, "\"a\"")], Whole),
            (&[(IF_NONE_MATCH, "\"a\""), (IF_MODIFIED_SINCE, AFTER)], Whole),
            (&[(IF_MODIFIED_SINCE, THEN)], NotModified),
            (&[(IF_MODIFIED_SINCE, BEFORE)], Whole),
            (&[(IF_NONE_MATCH, "\"e\""), (RANGE, "bytes=0-1")], NotModified),
        ];
        for (headers, expected) in cases {
            assert_eq!(selection(headers), *expected, "{headers:?}");
        }
    }

    #[test]
    fn only_the_same_content_is_completed() {
        let cases = [
            ("\"e\"", ContentSelection::Range(0, 1)),
            ("W/\"e\"", ContentSelection::Whole),
            ("\"old\"", ContentSelection::Whole),
            (THEN, ContentSelection::Range(0, 1)),
            (AFTER, ContentSelection::Whole),
            ("yesterday", ContentSelection::Whole),
        ];
        for (validator, expected) in cases {
            let headers = [(RANGE, "bytes=0-1"), (IF_RANGE, validator)];
            assert_eq!(selection(&headers), expected, "{validator}");
        }
    }
}
