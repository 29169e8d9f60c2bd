//! Writing the body of a response to its connection.

use std::io;
use std::task::{Context, Poll};

/// The connection of a response, to which its body is written piece by piece, by whoever has one: to wake the
/// connection's task for a short piece of text costs several times what it costs to write the piece.
pub trait BodyWriter: Send + Sync {
    /// Writes a piece. False if the system did not take all of it: the rest is kept, and should be sent before
    /// more is written, which is kept as well.
    fn write(&self, piece: &[u8]) -> bool;

    /// Sends what is kept.
    fn poll_sent(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;
}
