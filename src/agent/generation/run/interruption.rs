//! Why a generation ends early.

use crate::agent::generation::failure::Failure;

/// Why a generation ends early.
pub(super) enum Interruption {
    Stopped,
    TooLarge,
    /// Another replica goes on.
    HandedOver,
    Failed(Failure),
}

impl<E: Into<Failure>> From<E> for Interruption {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}
