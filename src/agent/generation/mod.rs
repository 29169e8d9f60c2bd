//! One generation: from the claim of a chat to the saved end of its answer.

pub(super) mod budget;
pub(super) mod credentials;
pub(super) mod failure;
pub(super) mod finish;
pub(super) mod recorder;
pub(super) mod refused_files;
pub(super) mod registry;
pub(super) mod run;
pub(super) mod save;
pub(super) mod title;
pub(super) mod wait;
