//! The caller of database requests on behalf of a generation.

use uuid::Uuid;

use crate::agent::{Credentials, UsageLog};
use crate::clock::Clock;
use crate::database::{self, SaveEnd, SaveGeneration};
use crate::supabase::{AccessToken, Caller, Supabase, SupabaseError};

/// A token that expires within this many seconds is replaced by the service key, where there is one.
const TOKEN_MARGIN_S: i64 = 60;

/// The caller of a request: the user, or the service key for a user whose token is about to expire.
pub(super) struct Principal {
    token: AccessToken,
    /// The user for whom the service key acts.
    pub(super) user_id: Option<Uuid>,
}

impl Principal {
    pub(super) fn new(credentials: &Credentials, supabase: &Supabase, clock: &Clock) -> Self {
        let is_ending = credentials.expires_at() - TOKEN_MARGIN_S <= clock.unix_seconds();
        let user_id = (is_ending && supabase.has_service_key()).then_some(credentials.user_id);
        Self { token: credentials.token(), user_id }
    }

    pub(super) fn caller(&self) -> Caller<'_> {
        if self.user_id.is_some() { Caller::Service } else { Caller::User(&self.token) }
    }

    /// Records the usage of something that is no message, once for each run.
    pub(super) async fn record_usage(
        &self,
        supabase: &Supabase,
        run: Uuid,
        chat_id: Uuid,
        usage: &UsageLog,
    ) -> Result<(), SupabaseError> {
        let save = SaveGeneration {
            p_message_id: Uuid::nil(),
            p_run: run,
            p_chat_id: chat_id,
            p_end: Some(SaveEnd::Usage { usage_log: Some(usage) }),
            p_user_id: self.user_id,
            ..SaveGeneration::default()
        };
        database::call(supabase.rest(self.caller()), &save).await.map(drop)
    }
}
