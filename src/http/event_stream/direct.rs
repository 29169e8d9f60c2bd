//! Writing to a connection without waking its task.

/// A connection to which the body of its response can be written beside the task that serves it. To wake that
/// task for a short piece of text costs several times what it costs to write the piece.
///
/// The task hands over with `arm`, as soon as everything that it has to send is sent, and takes the connection
/// back with `close` before it sends anything itself.
pub trait DirectWrite: Send + Sync {
    /// The task has nothing more to send: once what it has is sent, the connection is open to `write`.
    fn arm(&self);

    /// The task sends what is next.
    fn close(&self);

    /// Whether `write` may be called.
    fn is_open(&self) -> bool;

    /// Writes a piece of the body if the connection is open. False if it is not, or if it took only a part of it:
    /// then it is closed, and sends the rest before everything else.
    fn write(&self, piece: &[u8]) -> bool;
}
