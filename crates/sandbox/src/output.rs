//! The output of a running script, up to the limit.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::protocol::STDERR;

/// Standard output and standard error, together up to a limit.
pub(super) struct Output(Mutex<Inner>);

struct Inner {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    left: u64,
    is_truncated: bool,
}

impl Output {
    pub(super) fn new(limit: u64) -> Self {
        let (stdout, stderr) = (Vec::new(), Vec::new());
        Self(Mutex::new(Inner { stdout, stderr, left: limit, is_truncated: false }))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Appends what fits; returns false if output was cut off.
    pub(super) fn push(&self, kind: u8, bytes: &[u8]) -> bool {
        let mut inner = self.lock();
        let fits = usize::try_from(inner.left).unwrap_or(usize::MAX).min(bytes.len());
        inner.left -= fits as u64;
        let to = if kind == STDERR { &mut inner.stderr } else { &mut inner.stdout };
        to.extend_from_slice(&bytes[..fits]);
        let is_whole = fits == bytes.len();
        inner.is_truncated |= !is_whole;
        is_whole
    }

    /// Standard output, standard error, and whether output was cut off.
    pub(super) fn into_parts(self) -> (Vec<u8>, Vec<u8>, bool) {
        let inner = self.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        (inner.stdout, inner.stderr, inner.is_truncated)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::STDOUT;

    #[test]
    fn both_streams_share_one_limit() {
        let output = Output::new(5);
        assert!(output.push(STDOUT, b"abc"));
        assert!(!output.push(STDERR, b"defg"));
        assert!(!output.push(STDOUT, b"h"));
        assert_eq!(output.into_parts(), (b"abc".to_vec(), b"de".to_vec(), true));
    }
}
