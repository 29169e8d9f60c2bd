//! One generation: from the claim of a chat to the saved end of its answer.

mod credentials;
mod failure;
mod recorder;
mod registry;
mod run;

pub use credentials::{Credentials, TokenRefresher};
pub use failure::{Failure, Refusal};
pub use recorder::{BeginOutcome, Recorder, Save, Saved, SavedEnd, SavedText, Started, UsageLog};
pub use registry::{Generation, Generations, Question};
