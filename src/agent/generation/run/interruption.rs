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

impl Interruption {
    /// What traces say of it.
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::Stopped => "stopped",
            Self::TooLarge => "too_large",
            Self::HandedOver => "handed_over",
            Self::Failed(failure) => failure.code(),
        }
    }
}

impl<E: Into<Failure>> From<E> for Interruption {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}
