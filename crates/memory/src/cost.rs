//! Estimates the memory that a parsed JSON text takes.

/// A value in an array: the value itself, and the spare capacity of a growing list.
const ITEM: usize = 160;
/// A member of an object, including its index entry.
const MEMBER: usize = 250;
/// A non-empty object.
const OBJECT: usize = 600;

/// An upper bound of the bytes that the parsed value of this text takes. Strings take about their own
/// length; what matters is the number of values.
pub fn json_cost(text: &[u8]) -> usize {
    let mut cost = text.len();
    let mut bytes = text.iter();
    while let Some(byte) = bytes.next() {
        cost = cost.saturating_add(match byte {
            b'"' => {
                skip_string(&mut bytes);
                0
            }
            b',' | b'[' => ITEM,
            b':' => MEMBER,
            b'{' => OBJECT,
            _ => 0,
        });
    }
    cost
}

fn skip_string(bytes: &mut std::slice::Iter<'_, u8>) {
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => return,
            b'\\' => drop(bytes.next()),
            _ => {}
        }
    }
}
