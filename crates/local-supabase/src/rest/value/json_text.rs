//! Stored jsonb, read in place: a tree of its values would take many times the memory of its text.
//! Because the text is canonical, equal values are equal texts.

use crate::rest::query::Step;

/// The elements of an array, or the members of an object as `"key": value`.
pub fn parts(json: &str) -> impl Iterator<Item = &str> {
    let inside = json.get(1..json.len().saturating_sub(1)).unwrap_or_default();
    let mut rest = inside.trim();
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let end = end_of_part(rest);
        let part = rest[..end].trim();
        rest = rest.get(end + 1..).unwrap_or_default();
        Some(part)
    })
}

/// The members of an object: keys as they are printed, with quotes.
pub fn members(json: &str) -> impl Iterator<Item = (&str, &str)> {
    parts(json).map(member)
}

fn member(part: &str) -> (&str, &str) {
    let mut scan = Scan::default();
    let end = part.bytes().skip(1).position(|byte| scan.is_end_of_text(byte));
    let (key, value) = part.split_at(end.map_or(part.len(), |end| end + 2));
    (key, value.trim_start().trim_start_matches(':').trim_start())
}

#[derive(Default)]
struct Scan {
    is_escaped: bool,
}

impl Scan {
    /// Whether this byte, within a text, is the quote that ends it.
    fn is_end_of_text(&mut self, byte: u8) -> bool {
        let is_end = byte == b'"' && !self.is_escaped;
        self.is_escaped = byte == b'\\' && !self.is_escaped;
        is_end
    }
}

/// The end of a value or member in a list.
fn end_of_part(text: &str) -> usize {
    let (mut depth, mut text_scan) = (0_usize, None::<Scan>);
    for (at, byte) in text.bytes().enumerate() {
        if let Some(scan) = &mut text_scan {
            if scan.is_end_of_text(byte) {
                text_scan = None;
            }
            continue;
        }
        match byte {
            b'"' => text_scan = Some(Scan::default()),
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            b',' if depth == 0 => return at,
            _ => {}
        }
    }
    text.len()
}

/// The number of values, nested ones included down to a depth.
pub fn count(json: &[u8], max_depth: usize) -> usize {
    let (mut depth, mut count, mut text_scan) = (0_usize, 1, None::<Scan>);
    for byte in json {
        if let Some(scan) = &mut text_scan {
            if scan.is_end_of_text(*byte) {
                text_scan = None;
            }
            continue;
        }
        match byte {
            b'"' => text_scan = Some(Scan::default()),
            b'[' | b'{' => {
                depth += 1;
                count += usize::from(depth <= max_depth);
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            b',' => count += usize::from(depth <= max_depth),
            _ => {}
        }
    }
    count
}

/// `value -> step -> step`.
pub fn get<'a>(json: &'a str, path: &[Step]) -> Option<&'a str> {
    path.iter().try_fold(json, |json, step| match step {
        Step::Key(key) if json.starts_with('{') => {
            let key = serde_json::Value::from(key.as_str()).to_string();
            // Of json, where a key may occur several times, the last counts.
            members(json).filter(|(name, _)| *name == key).last().map(|(_, value)| value)
        }
        Step::Index(index) if json.starts_with('[') => {
            let index = match usize::try_from(*index) {
                Ok(index) => index,
                Err(_) => parts(json).count().checked_sub(index.unsigned_abs() as usize)?,
            };
            parts(json).nth(index)
        }
        // PostgreSQL keeps a jsonb scalar as an array of one element.
        Step::Index(0 | -1) if !json.starts_with('{') => Some(json),
        _ => None,
    })
}

/// The operator `->>`: null for a JSON null.
pub fn to_text(json: &str) -> Option<String> {
    match json.as_bytes().first()? {
        b'n' => None,
        b'"' => serde_json::from_str(json).ok(),
        _ => Some(json.to_owned()),
    }
}

/// A key whose bytes sort as PostgreSQL orders jsonb: null, strings, numbers, booleans, arrays and
/// objects; of two arrays or objects the longer is the greater.
pub fn sort_key(json: &str) -> Vec<u8> {
    let mut key = Vec::new();
    sort_key_into(&mut key, json);
    key
}

fn sort_key_into(key: &mut Vec<u8>, json: &str) {
    match json.as_bytes().first() {
        None | Some(b'n') => key.push(0),
        Some(b'"') => {
            key.push(1);
            push_text(key, json);
        }
        Some(b't') => key.extend([3, 1]),
        Some(b'f') => key.extend([3, 0]),
        Some(b'[') => {
            push_length(key, 4, json);
            parts(json).for_each(|element| sort_key_into(key, element));
        }
        Some(b'{') => {
            push_length(key, 5, json);
            for (name, member) in members(json) {
                push_text(key, name);
                sort_key_into(key, member);
            }
        }
        Some(_) => {
            key.push(2);
            key.extend(ordered(json.parse().unwrap_or_default()));
        }
    }
}

fn push_length(key: &mut Vec<u8>, kind: u8, json: &str) {
    key.push(kind);
    key.extend((parts(json).count() as u64).to_be_bytes());
}

fn push_text(key: &mut Vec<u8>, json: &str) {
    key.extend(to_text(json).unwrap_or_default().as_bytes());
    key.push(0);
}

/// The bytes of a double, changed so that they sort like the numbers.
pub(super) fn ordered(number: f64) -> [u8; 8] {
    let bits = number.to_bits();
    let turned = if bits >> 63 == 1 { !bits } else { bits | 1 << 63 };
    turned.to_be_bytes()
}
