//! What writes an answer in a protocol.

use crate::agent::Answer;

/// Writes an answer in a protocol, from where it has stopped.
pub trait Encoder: Send + 'static {
    /// Appends what is new, of much of it a [turn](crate::agent::TURN); less than that if there is no more.
    fn encode(&mut self, answer: &Answer, out: &mut Vec<u8>);

    /// Whether nothing follows.
    fn is_at_end(&self) -> bool;
}
