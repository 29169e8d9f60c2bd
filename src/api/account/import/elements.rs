//! The elements of a JSON array that arrives in pieces, one at a time: an array may be larger than memory. One
//! that is too large or nested too deep is passed over. Pure.

use bytes::Bytes;

use crate::json::MAX_DEPTH;
use crate::memory::{Buffer, Charge, Full, ReadError};

/// An element of the array.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Element {
    /// Its text.
    Whole(Bytes),
    /// It has more bytes than are read.
    TooLarge,
    /// It is nested deeper than is read.
    TooDeep,
}

/// Why the text cannot be read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Malformed {
    /// It is no array of objects.
    NotAList,
    /// It ends before the array does.
    CutOff,
    /// There is no memory for an element.
    Full(Full),
}

/// Where in the text the reader is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Before,
    Between,
    Inside,
    After,
}

/// Reads an array.
pub(super) struct Elements {
    state: State,
    level: usize,
    in_string: bool,
    is_escaped: bool,
    max_bytes: usize,
    charge: Charge,
    /// The element so far; none if it is passed over.
    buffer: Option<Buffer>,
    passed_over: Element,
}

impl Elements {
    /// An array whose elements have at most so many bytes.
    pub(super) fn new(max_bytes: usize, charge: Charge) -> Self {
        Self {
            state: State::Before,
            level: 0,
            in_string: false,
            is_escaped: false,
            max_bytes,
            charge,
            buffer: None,
            passed_over: Element::TooLarge,
        }
    }

    /// The next element that ends within the input, of which only the rest stays.
    pub(super) fn next(&mut self, input: &mut &[u8]) -> Result<Option<Element>, Malformed> {
        while let Some(byte) = input.first() {
            if self.state == State::Inside {
                let (length, has_ended) = self.inside(input);
                self.keep(&input[..length])?;
                *input = &input[length..];
                if has_ended {
                    self.state = State::Between;
                    return Ok(Some(self.ended()));
                }
                continue;
            }
            match (self.state, byte) {
                (State::Before, b'[') => self.state = State::Between,
                (State::Between, b'{') => {
                    self.state = State::Inside;
                    self.buffer = Some(Buffer::new(self.max_bytes, self.charge.sibling()));
                    continue;
                }
                (State::Between, b']') => self.state = State::After,
                (State::Between, b',') => {}
                // A byte order mark.
                (State::Before, 0xef | 0xbb | 0xbf) => {}
                (_, b' ' | b'\t' | b'\n' | b'\r') => {}
                _ => return Err(Malformed::NotAList),
            }
            *input = &input[1..];
        }
        Ok(None)
    }

    /// Whether the array has ended.
    pub(super) fn finish(&self) -> Result<(), Malformed> {
        match self.state {
            State::After => Ok(()),
            State::Before => Err(Malformed::NotAList),
            State::Between | State::Inside => Err(Malformed::CutOff),
        }
    }

    /// How much of the input belongs to the element, and whether it ends there.
    fn inside(&mut self, input: &[u8]) -> (usize, bool) {
        for (index, byte) in input.iter().enumerate() {
            match byte {
                _ if self.is_escaped => self.is_escaped = false,
                b'\\' => self.is_escaped = self.in_string,
                b'"' => self.in_string = !self.in_string,
                _ if self.in_string => {}
                b'{' | b'[' => {
                    self.level += 1;
                    if self.level > MAX_DEPTH && self.buffer.take().is_some() {
                        self.passed_over = Element::TooDeep;
                    }
                }
                b'}' | b']' => {
                    self.level = self.level.saturating_sub(1);
                    if self.level == 0 {
                        return (index + 1, true);
                    }
                }
                _ => {}
            }
        }
        (input.len(), false)
    }

    fn keep(&mut self, bytes: &[u8]) -> Result<(), Malformed> {
        let Some(buffer) = &mut self.buffer else { return Ok(()) };
        match buffer.push::<()>(bytes) {
            Ok(()) => Ok(()),
            Err(ReadError::TooLarge(_) | ReadError::Full(Full::Never)) => {
                self.buffer = None;
                self.passed_over = Element::TooLarge;
                Ok(())
            }
            Err(ReadError::Full(full)) => Err(Malformed::Full(full)),
            Err(ReadError::Broken(())) => Err(Malformed::CutOff),
        }
    }

    fn ended(&mut self) -> Element {
        match self.buffer.take() {
            Some(buffer) => Element::Whole(buffer.finish()),
            None => std::mem::replace(&mut self.passed_over, Element::TooLarge),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Element, Elements, Malformed};
    use crate::memory::{Holder, Memory};

    /// The elements of a text in pieces of a length, and whether it was whole.
    fn read(text: &str, piece: usize, max: usize) -> (Vec<String>, Result<(), Malformed>) {
        let mut elements = Elements::new(max, Memory::new(1 << 24).charge(Holder::Server));
        let mut found = Vec::new();
        for mut piece in text.as_bytes().chunks(piece) {
            loop {
                match elements.next(&mut piece) {
                    Ok(Some(Element::Whole(text))) => {
                        found.push(String::from_utf8(text.to_vec()).unwrap());
                    }
                    Ok(Some(other)) => found.push(format!("{other:?}")),
                    Ok(None) => break,
                    Err(error) => return (found, Err(error)),
                }
            }
        }
        (found, elements.finish())
    }

    #[test]
    fn elements_in_pieces() {
        let text = "\u{feff} [{\"a\":\"}]\\\"\\\\\"} ,\n{\"b\":[{}]}, {\"c\":1}]\n";
        for piece in [1, 2, 7, 100] {
            let (found, end) = read(text, piece, 100);
            assert_eq!(found, [r#"{"a":"}]\"\\"}"#, r#"{"b":[{}]}"#, r#"{"c":1}"#], "{piece}");
            assert_eq!(end, Ok(()), "{piece}");
            let (found, _) = read(text, piece, 12);
            assert_eq!(found, ["TooLarge", r#"{"b":[{}]}"#, r#"{"c":1}"#], "{piece}");
        }
        assert_eq!(read("[]", 1, 10), (vec![], Ok(())));
    }

    #[test]
    fn deep_ones_are_passed_over() {
        let text = format!("[{{\"a\":{}{}}},{{}}]", "[".repeat(100_000), "]".repeat(100_000));
        let (found, end) = read(&text, 1000, 1 << 20);
        assert_eq!((found, end), (vec!["TooDeep".to_owned(), "{}".to_owned()], Ok(())));
    }

    #[test]
    fn what_is_no_list() {
        for text in ["{}", "null", "[1]", "[\"a\"]", "[{}] x", "", "<html>"] {
            assert_eq!(read(text, 3, 100).1, Err(Malformed::NotAList), "{text}");
        }
        for text in ["[", "[{", "[{}", "[{},", "[{\"a\":\"]"] {
            assert_eq!(read(text, 3, 100).1, Err(Malformed::CutOff), "{text}");
        }
    }
}
