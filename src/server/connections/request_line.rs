//! The first request line of a connection. Hyper refuses addresses with `<`, `>` and `"`, which other
//! servers take: PostgREST's own examples have them, as in `select=metadata->>color`. They are
//! escaped before hyper sees them.
//!
//! Only the first line, which is where such addresses come from (curl; libraries escape them): later
//! ones follow bodies, and to find them would be to parse HTTP a second time.

/// How far the line has been read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestLine {
    /// In the method.
    Method,
    /// In the address.
    Address,
    /// Behind it.
    Done,
}

impl RequestLine {
    /// Copies what has arrived to `escaped`.
    pub fn escape(&mut self, bytes: &[u8], escaped: &mut Vec<u8>) {
        escaped.reserve(bytes.len());
        for &byte in bytes {
            *self = match (*self, byte) {
                (Self::Done, _) | (_, b'\n') => Self::Done,
                (Self::Method, b' ') => Self::Address,
                (Self::Address, b' ') => Self::Done,
                (state, _) => state,
            };
            match byte {
                b'<' | b'>' | b'"' if *self == Self::Address => {
                    escaped.extend_from_slice(format!("%{byte:02X}").as_bytes());
                }
                _ => escaped.push(byte),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn escaped(pieces: &[&str]) -> String {
        let (mut line, mut escaped) = (RequestLine::Method, Vec::new());
        pieces.iter().for_each(|piece| line.escape(piece.as_bytes(), &mut escaped));
        String::from_utf8(escaped).unwrap()
    }

    #[test]
    fn only_the_address_of_the_first_line_is_escaped() {
        let rest = " HTTP/1.1\r\nx-a: \"<>\"\r\n\r\nGET /?a->b HTTP/1.1\r\n";
        for (address, expected) in [
            ("/?select=a->>b", "/?select=a-%3E%3Eb"),
            ("/?a=\"<x\"", "/?a=%22%3Cx%22"),
            ("/?a=%3E&b=c", "/?a=%3E&b=c"),
        ] {
            let whole = format!("GET {address}{rest}");
            let expected = format!("GET {expected}{rest}");
            assert_eq!(escaped(&[&whole]), expected);
            let pieces: Vec<_> = (0..whole.len()).map(|at| &whole[at..=at]).collect();
            assert_eq!(escaped(&pieces), expected);
        }
        assert_eq!(
            escaped(&["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n>"]),
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n>"
        );
    }
}
