//! Takes and ends the approved calls of one answer.

use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;

use super::call_seal::{is_granted, is_sealed};
use super::principal::Principal;
use crate::agent::{ApprovedCall, CallEnd, ClaimedCall, ToolGrant};
use crate::database::{self, ClaimToolCall, FinishToolCall, StoredCall, StoredGrant, ToolGrants};
use crate::seal::SealKeys;
use crate::supabase::{Supabase, SupabaseError};

/// The calls of one answer.
pub(super) struct CallRecorder<'a> {
    pub(super) supabase: &'a Supabase,
    pub(super) principal: Principal,
    pub(super) user: Uuid,
    pub(super) chat_id: Uuid,
    pub(super) message_id: Uuid,
    pub(super) run: Uuid,
    pub(super) seal_keys: Option<&'a SealKeys>,
    pub(super) now: Timestamp,
}

impl CallRecorder<'_> {
    /// What the user has allowed for the rest of the chat.
    pub(super) async fn grants(self) -> Result<Vec<ToolGrant>, SupabaseError> {
        let Some(keys) = self.seal_keys else { return Ok(Vec::new()) };
        let rest = self.supabase.rest(self.principal.caller());
        let grants = ToolGrants { p_chat_id: self.chat_id, p_user_id: self.principal.user_id };
        let mut grants = database::call(rest, &grants).await?;
        grants.retain(|grant| is_granted(keys, self.user, self.chat_id, grant));
        let grant = |StoredGrant { source, tool, definition_digest, .. }| ToolGrant {
            source,
            tool,
            definition_digest,
        };
        Ok(grants.into_iter().map(grant).collect())
    }

    /// Takes a call for the run.
    pub(super) async fn claim(self, call_id: &str) -> Result<ClaimedCall, SupabaseError> {
        let rest = self.supabase.rest(self.principal.caller());
        let claim = ClaimToolCall {
            p_message_id: self.message_id,
            p_run: self.run,
            p_call_id: call_id,
            p_user_id: self.principal.user_id,
        };
        Ok(match database::call(rest, &claim).await? {
            None => ClaimedCall::Lost,
            Some(database::ClaimedCall { call: Some(call), .. }) => self.verified(call),
            Some(database::ClaimedCall { outcome, .. }) => {
                ClaimedCall::Ended(outcome.unwrap_or_default())
            }
        })
    }

    /// The call, if a server has sealed it as it is, for this message.
    fn verified(&self, call: StoredCall) -> ClaimedCall {
        let is_own = call.chat_id == self.chat_id && call.message_id == self.message_id;
        let keys = self.seal_keys.filter(|_| is_own);
        let is_sealed = keys.is_some_and(|keys| is_sealed(keys, self.user, &call, self.now));
        let StoredCall { source, source_tool, arguments, definition_digest, .. } = call;
        match (is_sealed, source_tool, definition_digest) {
            (true, Some(source_tool), Some(definition_digest)) => {
                ClaimedCall::Claimed(ApprovedCall {
                    source,
                    source_tool,
                    arguments,
                    definition_digest,
                    is_repeatable: call.is_repeatable,
                })
            }
            _ => ClaimedCall::Unsealed,
        }
    }

    /// Records what a call has come to.
    pub(super) async fn finish(
        self,
        call_id: &str,
        end: CallEnd,
        outcome: &Value,
    ) -> Result<bool, SupabaseError> {
        let rest = self.supabase.rest(self.principal.caller());
        let finish = FinishToolCall {
            p_message_id: self.message_id,
            p_run: self.run,
            p_call_id: call_id,
            p_state: end.as_str(),
            p_outcome: outcome,
            p_user_id: self.principal.user_id,
        };
        database::call(rest, &finish).await
    }
}
