//! How much of an answer a listener is handed out at once: one that does not read must not hold all of it.

/// A turn, in bytes, and a piece of one text in one frame. An encoder that has appended less than a turn has
/// nothing more to say.
pub const TURN: usize = 48 << 10;
const MAX_PIECE: usize = 16 << 10;
const MIN_PIECE: usize = 1 << 10;

/// The next piece of a text that this turn has room for.
pub(super) fn next_piece<'a>(text: &'a str, sent: &mut usize, out: &[u8]) -> Option<&'a str> {
    let unsent = text.get(*sent..).filter(|unsent| !unsent.is_empty() && out.len() < TURN)?;
    // Escaped, a text may be several times as long: the room is looked at again after each piece.
    let room = (TURN - out.len()).clamp(MIN_PIECE, MAX_PIECE);
    let piece = &unsent[..unsent.floor_char_boundary(room)];
    *sent += piece.len();
    Some(piece)
}
