//! What a JSON text takes in memory when it has been read.

/// A value in a list: itself, and the room that a growing list has to spare.
const ITEM: usize = 160;
/// A member of an object, its place in the index included.
const MEMBER: usize = 250;
/// An object with anything in it.
const OBJECT: usize = 600;

/// An upper bound of the bytes that the value of this text takes. Texts take what they are long;
/// what makes the difference is how many values there are.
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
