//! What all generations share.

use std::time::Duration;

use super::generation::CheckpointSlots;
use super::tools::sources::Sources;
use crate::clock::Clock;
use crate::observability::metrics::Metrics;
use crate::providers::Providers;

/// What all generations share.
pub struct Settings {
    /// The models.
    pub providers: Providers,
    /// Where tools come from.
    pub sources: Sources,
    /// The interval between checkpoints: the most that a crash loses. A checkpoint renews the lease and
    /// reports a stop that was requested on another replica.
    pub checkpoint_every: Duration,
    /// Where all answers are saved together: when.
    pub checkpoint_slots: Option<CheckpointSlots>,
    /// The longest a generation may take.
    pub generation_timeout: Duration,
    /// How long a person has to decide on a call.
    pub approval_ttl: Duration,
    /// Whether saves continue with the service key when the user's token expires.
    pub outlives_tokens: bool,
    /// How long clients wait for the end of an answer to be saved before they are sent an error.
    pub unsaved_patience: Duration,
    /// The time of day, for tokens.
    pub clock: Clock,
    /// Whether traces show content.
    pub traces_content: bool,
    /// The metrics of finished generations.
    pub metrics: Metrics,
}
