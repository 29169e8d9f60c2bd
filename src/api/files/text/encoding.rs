//! Text in UTF-8, UTF-16 or Windows-1252 (of which Latin-1 is a part). Pure.

use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

/// A text that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoded<'a> {
    /// The text.
    pub text: Cow<'a, str>,
    /// A sentence that names the encoding, unless it was UTF-8.
    pub note: Option<String>,
    /// Whether nothing but the lack of another explanation says that it is a text.
    pub is_guess: bool,
}

/// Reads a whole text. `None` if it is none.
pub fn decode(bytes: &[u8]) -> Option<Decoded<'_>> {
    decode_part(bytes, false)
}

/// Reads the first bytes of a text: a character that is cut off at the end is left out.
pub fn decode_start(bytes: &[u8]) -> Option<Decoded<'_>> {
    decode_part(bytes, true)
}

fn decode_part(bytes: &[u8], is_cut: bool) -> Option<Decoded<'_>> {
    let (encoding, bom) = Encoding::for_bom(bytes).unwrap_or_else(|| (guess(bytes, is_cut), 0));
    let whole = whole_characters(encoding, &bytes[bom..]);
    let (text, is_malformed) = encoding.decode_without_bom_handling(whole);
    if text.contains('\0') || is_malformed {
        return None;
    }
    Some(Decoded { text, note: note(encoding), is_guess: encoding == WINDOWS_1252 })
}

/// What is not UTF-8 and has no control characters has been in Windows-1252 for a long time.
fn guess(bytes: &[u8], is_cut: bool) -> &'static Encoding {
    let is_utf8 = match std::str::from_utf8(bytes) {
        Ok(_) => true,
        Err(error) => is_cut && error.error_len().is_none(),
    };
    let is_control =
        |byte: &u8| *byte < b' ' && !b"\t\n\x0b\x0c\r\x1b".contains(byte) || *byte == 0x7f;
    if is_utf8 || bytes.iter().any(is_control) { UTF_8 } else { WINDOWS_1252 }
}

fn whole_characters<'a>(encoding: &'static Encoding, bytes: &'a [u8]) -> &'a [u8] {
    if encoding == UTF_8 {
        return match std::str::from_utf8(bytes) {
            Err(error) if error.error_len().is_none() => &bytes[..error.valid_up_to()],
            _ => bytes,
        };
    }
    if encoding == WINDOWS_1252 {
        return bytes;
    }
    let units = &bytes[..bytes.len() / 2 * 2];
    // The first half of a pair.
    let high = if encoding == UTF_16LE { units.last() } else { units.iter().nth_back(1) };
    let is_half = high.is_some_and(|high| (0xd8..0xdc).contains(high));
    if is_half { &units[..units.len() - 2] } else { units }
}

fn note(encoding: &'static Encoding) -> Option<String> {
    let name = match encoding {
        _ if encoding == UTF_8 => return None,
        _ if encoding == UTF_16LE || encoding == UTF_16BE => "UTF-16",
        _ => "Latin-1 (Windows-1252)",
    };
    Some(format!("The file is in {name}; it is given as UTF-8."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
        "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(bytes).collect()
    }

    fn read(bytes: &[u8]) -> Option<(String, bool)> {
        decode(bytes).map(|read| (read.text.into_owned(), read.note.is_some()))
    }

    #[test]
    fn encodings_are_recognized() {
        let is = |text: &str, has_note| Some((text.to_owned(), has_note));
        assert_eq!(read(b""), is("", false));
        assert_eq!(read("\u{feff}n\u{e9}".as_bytes()), is("n\u{e9}", false));
        assert_eq!(
            read(&utf16("n\u{e9}\u{1f600}", u16::to_le_bytes)),
            is("n\u{e9}\u{1f600}", true)
        );
        assert_eq!(read(&utf16("n\u{e9}", u16::to_be_bytes)), is("n\u{e9}", true));
        assert_eq!(read(b"caf\xe9; 5 \x80"), is("caf\u{e9}; 5 \u{20ac}", true));
        let note = decode(b"\xe9").unwrap().note.unwrap();
        assert_eq!(note, "The file is in Latin-1 (Windows-1252); it is given as UTF-8.");
        for binary in [&b"a\0b"[..], b"\x01\xff", &utf16("a\0", u16::to_le_bytes)] {
            assert_eq!(read(binary), None, "{binary:?}");
        }
    }

    #[test]
    fn a_character_that_is_cut_off_is_left_out() {
        let start = decode_start("n\u{e9}".as_bytes().split_last().unwrap().1).unwrap();
        assert_eq!((&*start.text, start.note), ("n", None));
        for bytes in [u16::to_le_bytes as fn(u16) -> [u8; 2], u16::to_be_bytes] {
            let whole = utf16("n\u{1f600}", bytes);
            for cut in 1..4 {
                assert_eq!(read(&whole[..whole.len() - cut]), Some(("n".into(), true)), "{cut}");
            }
        }
    }
}
