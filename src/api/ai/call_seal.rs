//! Seals of calls that wait for a decision, and of tools that are allowed for a chat: what a user could write
//! is told from what a server has written.

use std::time::Duration;

use jiff::Timestamp;
use uuid::Uuid;

use crate::agent::SealedCall;
use crate::database::{StoredCall, StoredGrant};
use crate::seal::{Purpose, SealKeys};

/// How long a seal is good, from when the person is asked. What the database remembers of calls that were made
/// outlives it (`private.note_made_call`).
const LIFETIME: Duration = Duration::from_secs(60 * 86_400);

/// Seals a call of a message. The seal says until when it is good, in seconds since 1970.
pub(super) fn seal_call(
    keys: &SealKeys,
    user: Uuid,
    key: (Uuid, Uuid),
    call: &SealedCall<'_>,
    now: Timestamp,
) -> String {
    seal_until(keys, user, key, call, &(now + LIFETIME).as_second().to_string())
}

fn seal_until(
    keys: &SealKeys,
    user: Uuid,
    key: (Uuid, Uuid),
    call: &SealedCall<'_>,
    until: &str,
) -> String {
    let seal =
        with_fields(user, key, call, Some(until), |fields| keys.seal(Purpose::ToolCall, fields));
    format!("{until}.{seal}")
}

/// Seals a call whose arguments were changed, which makes it good for no longer.
pub(super) fn seal_changed(
    keys: &SealKeys,
    user: Uuid,
    stored: &StoredCall,
    call: &SealedCall<'_>,
    now: Timestamp,
) -> String {
    let key = (stored.chat_id, stored.message_id);
    match stored.seal.as_deref().and_then(|seal| seal.split_once('.')) {
        Some((until, _)) => seal_until(keys, user, key, call, until),
        None => seal_call(keys, user, key, call, now),
    }
}

/// Whether a server has sealed this call as it is, not too long ago.
pub(super) fn is_sealed(keys: &SealKeys, user: Uuid, call: &StoredCall, now: Timestamp) -> bool {
    let (Some(facts), Some(seal)) = (facts(call), &call.seal) else { return false };
    let key = (call.chat_id, call.message_id);
    let is_good = |until: Option<&str>, seal: &str| {
        with_fields(user, key, &facts, until, |fields| keys.verify(Purpose::ToolCall, fields, seal))
    };
    match seal.split_once('.') {
        Some((until, seal)) => {
            let is_in_time = until.parse().is_ok_and(|until: i64| now.as_second() <= until);
            is_in_time && is_good(Some(until), seal)
        }
        // No such row can be written any more.
        None => !call.binds_id && is_good(None, seal),
    }
}

/// What is sealed of a call; none if something is missing, or if the arguments are others than their digest
/// says.
pub(super) fn facts(call: &StoredCall) -> Option<SealedCall<'_>> {
    let arguments_digest = call.arguments_digest.as_deref()?;
    let is_whole = crate::agent::value_digest(&call.arguments) == arguments_digest;
    is_whole.then_some(SealedCall {
        id: call.id,
        call_id: &call.call_id,
        source: &call.source,
        source_tool: call.source_tool.as_deref()?,
        arguments_digest,
        definition_digest: call.definition_digest.as_deref()?,
        policy: call.policy.as_deref()?,
        is_repeatable: call.is_repeatable,
        may_edit: call.may_edit,
        may_remember: call.may_remember,
    })
}

fn with_fields<T>(
    user: Uuid,
    (chat_id, message_id): (Uuid, Uuid),
    call: &SealedCall<'_>,
    until: Option<&str>,
    then: impl FnOnce(&[&[u8]]) -> T,
) -> T {
    let flags = [call.is_repeatable, call.may_edit, call.may_remember].map(u8::from);
    let mut fields: Vec<&[u8]> = vec![
        user.as_bytes(),
        chat_id.as_bytes(),
        message_id.as_bytes(),
        call.call_id.as_bytes(),
        call.source.as_bytes(),
        call.source_tool.as_bytes(),
        call.arguments_digest.as_bytes(),
        call.definition_digest.as_bytes(),
        call.policy.as_bytes(),
        &flags,
    ];
    if let Some(until) = until {
        fields.extend([call.id.as_bytes().as_slice(), until.as_bytes()]);
    }
    then(&fields)
}

/// Seals that a user allows the tool of a call for the rest of its chat.
pub(super) fn seal_grant(keys: &SealKeys, user: Uuid, call: &StoredCall) -> String {
    let tool = call.source_tool.as_deref().unwrap_or(&call.tool);
    let digest = call.definition_digest.as_deref().unwrap_or_default();
    let (user, chat_id) = (user.into_bytes(), call.chat_id.into_bytes());
    let fields: [&[u8]; 5] =
        [&user, &chat_id, call.source.as_bytes(), tool.as_bytes(), digest.as_bytes()];
    keys.seal(Purpose::ToolGrant, &fields)
}

/// Whether a server has sealed that the user allows this.
pub(super) fn is_granted(keys: &SealKeys, user: Uuid, chat_id: Uuid, grant: &StoredGrant) -> bool {
    let StoredGrant { source, tool, definition_digest, seal } = grant;
    let (user, chat_id) = (user.into_bytes(), chat_id.into_bytes());
    let fields: [&[u8]; 5] =
        [&user, &chat_id, source.as_bytes(), tool.as_bytes(), definition_digest.as_bytes()];
    keys.verify(Purpose::ToolGrant, &fields, seal)
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_seal_is_good_for_its_user_and_for_a_time() {
        let keys = SealKeys::new(&[SecretString::from("k".repeat(32))]).unwrap();
        let arguments = json!({ "id": 5 });
        let mut call: StoredCall = serde_json::from_value(json!({
            "id": Uuid::from_u128(1), "chat_id": Uuid::from_u128(2), "message_id": Uuid::from_u128(3),
            "call_id": "call", "source": "shop", "source_tool": "cancel", "tool": "shop_cancel",
            "policy": "always", "definition_digest": "d", "arguments": arguments,
            "arguments_digest": crate::agent::value_digest(&arguments), "is_repeatable": false,
            "may_edit": false, "may_remember": false, "binds_id": true, "state": "approved",
            "expires_at": "2026-01-01T00:00:00Z"
        }))
        .unwrap();
        let (user, asked) = (Uuid::from_u128(4), Timestamp::UNIX_EPOCH);
        let key = (call.chat_id, call.message_id);
        call.seal = facts(&call).map(|facts| seal_call(&keys, user, key, &facts, asked));
        assert!(is_sealed(&keys, user, &call, asked + LIFETIME));
        assert!(!is_sealed(&keys, user, &call, asked + LIFETIME + Duration::from_secs(1)));
        assert!(!is_sealed(&keys, Uuid::from_u128(5), &call, asked));
    }
}
