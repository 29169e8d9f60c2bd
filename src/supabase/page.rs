//! Finds the end of a page of rows: the last whole row that fits.

/// The maximum size of a page, unless its first row is longer.
pub(super) const PAGE_BYTES: usize = 8 << 20;

/// Where the rows of an answer are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RowsAt {
    /// The answer is an array of them.
    Top,
    /// The last column of the one row that is the answer is an array of them.
    LastColumn,
}

/// Finds the end of the last whole row that fits, in JSON that is still arriving.
pub(super) struct RowScanner {
    /// How deep the array of rows is.
    depth: u32,
    closing: &'static [u8],
    max: usize,
    /// How far the JSON was scanned.
    at: usize,
    level: u32,
    is_in_rows: bool,
    is_in_string: bool,
    is_escaped: bool,
    /// The end of the last whole row.
    last: Option<usize>,
}

impl RowScanner {
    pub(super) fn new(rows: RowsAt, max: usize) -> Self {
        let (depth, closing): (u32, &[u8]) = match rows {
            RowsAt::Top => (1, b"]"),
            RowsAt::LastColumn => (2, b"]}"),
        };
        let (at, level, last) = (0, 0, None);
        let (is_in_rows, is_in_string, is_escaped) = (false, false, false);
        Self { depth, closing, max, at, level, is_in_rows, is_in_string, is_escaped, last }
    }

    /// Where to truncate and what to append; `None` as long as everything may fit. Short responses are not
    /// scanned.
    pub(super) fn end(&mut self, body: &[u8]) -> Option<(usize, &'static [u8])> {
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

#[cfg(test)]
mod tests {
    use super::{RowScanner, RowsAt};

    /// The text as far as a page of `max` bytes goes, when it arrives in pieces.
    fn cut(text: &str, rows: RowsAt, max: usize, piece: usize) -> Option<String> {
        let mut cut = RowScanner::new(rows, max);
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
