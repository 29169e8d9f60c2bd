//! What the routes of accounts share.

use tokio_util::task::TaskTracker;

use crate::api::files::Files;
use crate::clock::Clock;
use crate::supabase::Supabase;

/// Accounts in Supabase. Clones share everything.
#[derive(Clone)]
pub struct Accounts {
    pub(super) supabase: Supabase,
    pub(super) files: Files,
    pub(super) clock: Clock,
    pub(super) tasks: TaskTracker,
}

impl Accounts {
    /// Accounts in this Supabase.
    pub fn new(supabase: Supabase, files: Files, clock: Clock) -> Self {
        Self { supabase, files, clock, tasks: TaskTracker::new() }
    }
}
