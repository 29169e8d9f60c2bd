//! The parts of Supabase, each of which words its errors in its own way.

use super::answer::Answer;
use super::error::SupabaseError;

/// A part of Supabase.
#[derive(Clone, Copy)]
pub(super) enum Service {
    PostgRest,
    Auth,
}

impl Service {
    pub(super) fn error(self, answer: &Answer) -> SupabaseError {
        let read = match self {
            Self::PostgRest => SupabaseError::from_postgrest,
            Self::Auth => SupabaseError::from_auth,
        };
        read(answer.status, &answer.body, answer.retry_after)
    }
}
