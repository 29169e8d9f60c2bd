//! Answers, read whole within bounds, or as far as a page of rows goes.

use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use reqwest::header::{CONTENT_RANGE, HeaderValue};
use reqwest::{Response, StatusCode};

use super::{SupabaseError, retry};
use crate::memory::{Buffer, Charge};

/// The longest answer: one row has at most this.
const MAX_BYTES: usize = 96 << 20;
/// Where a page of rows ends, unless its first row is longer.
pub(super) const PAGE_BYTES: usize = 8 << 20;

/// A whole answer, good or bad.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    /// How many rows there are, by the `Content-Range`.
    pub(super) rows: Option<usize>,
    pub(super) retry_after: Option<Duration>,
    pub(super) body: Bytes,
    /// There are more rows, which were not read.
    pub(super) is_cut: bool,
}

/// Where the rows of an answer are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RowsAt {
    /// The answer is an array of them.
    Top,
    /// The last column of the one row that is the answer is an array of them.
    LastColumn,
}

impl Answer {
    /// Reads an answer; where `rows` is given, only so many as make a page.
    pub(super) async fn read(
        response: Response,
        charge: Charge,
        rows: Option<RowsAt>,
    ) -> Result<Self, SupabaseError> {
        let status = response.status();
        let mut answer = Self {
            status,
            rows: response.headers().get(CONTENT_RANGE).and_then(rows_in_range),
            retry_after: retry::retry_after(response.headers()),
            body: Bytes::new(),
            is_cut: false,
        };
        let mut page = rows.filter(|_| status.is_success()).map(|at| Cut::new(at, PAGE_BYTES));
        let expected = response.content_length().filter(|_| page.is_none());
        let mut body = Buffer::new(expected, MAX_BYTES, charge).map_err(SupabaseError::unread)?;
        let mut pieces = response.bytes_stream();
        while let Some(piece) = pieces.next().await {
            let piece = piece.map_err(SupabaseError::from_reqwest)?;
            body.push(&piece).map_err(SupabaseError::unread)?;
            if let Some((end, closing)) = page.as_mut().and_then(|page| page.end(body.bytes())) {
                body.end_at(end, closing);
                answer.is_cut = true;
                break;
            }
        }
        answer.body = body.finish();
        Ok(answer)
    }
}

/// Looks for the end of the last whole row that fits, in JSON that is still arriving.
struct Cut {
    /// How deep the array of rows is.
    depth: u32,
    closing: &'static [u8],
    max: usize,
    /// How far it has looked.
    at: usize,
    level: u32,
    is_in_rows: bool,
    is_in_string: bool,
    is_escaped: bool,
    /// The end of the last whole row.
    last: Option<usize>,
}

impl Cut {
    fn new(rows: RowsAt, max: usize) -> Self {
        let (depth, closing): (u32, &[u8]) = match rows {
            RowsAt::Top => (1, b"]"),
            RowsAt::LastColumn => (2, b"]}"),
        };
        let (at, level, last) = (0, 0, None);
        let (is_in_rows, is_in_string, is_escaped) = (false, false, false);
        Self { depth, closing, max, at, level, is_in_rows, is_in_string, is_escaped, last }
    }

    /// Where to end and how to close what is open then; `None` as long as all may fit. Short answers
    /// are not looked into.
    fn end(&mut self, body: &[u8]) -> Option<(usize, &'static [u8])> {
        if body.len() <= self.max {
            return None;
        }
        while let Some(byte) = body.get(self.at) {
            self.at += 1;
            if self.ends_row(*byte) {
                if self.at > self.max {
                    return Some((self.last.unwrap_or(self.at), self.closing));
                }
                self.last = Some(self.at);
            }
        }
        self.last.map(|last| (last, self.closing))
    }

    fn ends_row(&mut self, byte: u8) -> bool {
        if self.is_in_string {
            let ends = byte == b'"' && !self.is_escaped;
            self.is_escaped = byte == b'\\' && !self.is_escaped;
            self.is_in_string = !ends;
            return false;
        }
        match byte {
            b'"' => self.is_in_string = true,
            b'{' | b'[' => {
                self.level += 1;
                self.is_in_rows |= byte == b'[' && self.level == self.depth;
            }
            b'}' | b']' => {
                self.level = self.level.saturating_sub(1);
                self.is_in_rows &= self.level >= self.depth;
                return byte == b'}' && self.is_in_rows && self.level == self.depth;
            }
            _ => {}
        }
        false
    }
}

/// `0-49/*` are fifty rows, `*/*` is none or unknown.
fn rows_in_range(range: &HeaderValue) -> Option<usize> {
    let (first, last) = range.to_str().ok()?.split('/').next()?.split_once('-')?;
    last.parse::<usize>().ok()?.checked_sub(first.parse().ok()?)?.checked_add(1)
}

#[cfg(test)]
mod tests {
    use super::{Cut, RowsAt};

    /// The text as far as a page of `max` bytes goes, when it arrives in pieces.
    fn cut(text: &str, rows: RowsAt, max: usize, piece: usize) -> Option<String> {
        let mut cut = Cut::new(rows, max);
        (1..=text.len()).filter(|end| end % piece == 0 || *end == text.len()).find_map(|end| {
            let (end, closing) = cut.end(&text.as_bytes()[..end])?;
            Some(format!("{}{}", &text[..end], std::str::from_utf8(closing).unwrap()))
        })
    }

    #[test]
    fn a_page_ends_with_its_last_whole_row() {
        let text = r#"[{"a":"}\"]\\"},{"b":[{}]},{"c":{"d":1}}]"#;
        for piece in [1, 7, 100] {
            let page = |max| cut(text, RowsAt::Top, max, piece);
            assert_eq!(page(100), None);
            assert_eq!(page(text.len()), None);
            assert_eq!(page(30).unwrap(), r#"[{"a":"}\"]\\"},{"b":[{}]}]"#, "{piece}");
            assert_eq!(page(26).unwrap(), r#"[{"a":"}\"]\\"},{"b":[{}]}]"#, "{piece}");
            assert_eq!(page(25).unwrap(), r#"[{"a":"}\"]\\"}]"#, "{piece}");
            // The first row always stays.
            assert_eq!(page(3).unwrap(), r#"[{"a":"}\"]\\"}]"#, "{piece}");
        }
    }

    #[test]
    fn rows_in_the_last_column_of_one_row() {
        let text = r#"{"metadata":{"a":{},"b":[{}]},"messages":[{"c":1},{"d":2}]}"#;
        for piece in [1, 100] {
            let cut = cut(text, RowsAt::LastColumn, 50, piece).unwrap();
            assert_eq!(cut, r#"{"metadata":{"a":{},"b":[{}]},"messages":[{"c":1}]}"#);
        }
    }
}
