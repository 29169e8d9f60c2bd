//! Why a script was ended from outside.

use std::io;

use super::model::{Limits, Script, ScriptError, Status};
use super::outcome;

/// Why a script was ended from outside.
pub(super) enum Cut {
    Timeout,
    Memory,
    Output,
    Files,
    Cancelled,
    /// The worker is gone, or talks nonsense.
    Broken,
}

impl From<io::Error> for Cut {
    fn from(_: io::Error) -> Self {
        Self::Broken
    }
}

impl Cut {
    /// The same for whoever reads the outcome.
    pub(super) fn explain(&self, script: &Script, limits: &Limits) -> (Status, ScriptError) {
        let timeout_ms = u64::try_from(script.timeout.as_millis()).unwrap_or(u64::MAX);
        match self {
            Self::Timeout => (Status::Timeout, ScriptError::timeout(timeout_ms)),
            Self::Memory => (Status::MemoryLimit, ScriptError::memory_limit(limits.memory_bytes)),
            Self::Output => (Status::OutputLimit, ScriptError::output_limit(limits.output_bytes)),
            Self::Files => (Status::OutputLimit, ScriptError::too_many_files(limits.files_bytes())),
            Self::Cancelled => (Status::Cancelled, ScriptError::cancelled()),
            Self::Broken => outcome::crashed(),
        }
    }
}
