//! One generation: from the claim of a chat to the saved end of its answer.

mod credentials;
mod failure;
mod recorder;
mod registry;
mod run;
mod slots;
mod usage_log;

pub use credentials::{Credentials, TokenRefresher};
pub use failure::{Failure, Refusal};
pub use recorder::{
    BeginOutcome, Checkpoint, Earlier, HandOver, HandedOver, Recorder, Save, Saved, SavedEnd,
    Started, StoredFile, Used,
};
pub use registry::{Generation, Generations, Question};
pub use slots::CheckpointSlots;
pub use usage_log::UsageLog;
