//! Why a script was ended from outside.

use std::io;

use super::model::{Limits, Script, ScriptError, Status};
use super::outcome;

/// Why a script was ended from outside.
pub(super) enum Termination {
    Timeout,
    Memory,
    Output,
    Files,
    Cancelled,
    /// The worker has died, or broke the protocol.
    Broken,
}

impl From<io::Error> for Termination {
    fn from(_: io::Error) -> Self {
        Self::Broken
    }
}

impl Termination {
    /// The status and error of the script's outcome.
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
