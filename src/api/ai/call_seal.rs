//! Seals of calls that wait for a decision, and of tools that are allowed for a chat: what a user could write
//! is told from what a server has written.

use uuid::Uuid;

use crate::agent::SealedCall;
use crate::database::{StoredCall, StoredGrant};
use crate::seal::{Purpose, SealKeys};

/// Seals a call of a message.
pub(super) fn seal_call(
    keys: &SealKeys,
    user: Uuid,
    (chat_id, message_id): (Uuid, Uuid),
    call: &SealedCall<'_>,
) -> String {
    with_fields(user, (chat_id, message_id), call, |fields| keys.seal(Purpose::ToolCall, fields))
}

/// Whether a server has sealed this call as it is.
pub(super) fn is_sealed(keys: &SealKeys, user: Uuid, call: &StoredCall) -> bool {
    let (Some(facts), Some(seal)) = (facts(call), &call.seal) else { return false };
    let key = (call.chat_id, call.message_id);
    with_fields(user, key, &facts, |fields| keys.verify(Purpose::ToolCall, fields, seal))
}

/// What is sealed of a call; none if something is missing, or if the arguments are others than their digest
/// says.
pub(super) fn facts(call: &StoredCall) -> Option<SealedCall<'_>> {
    let arguments_digest = call.arguments_digest.as_deref()?;
    let is_whole = crate::agent::value_digest(&call.arguments) == arguments_digest;
    is_whole.then_some(SealedCall {
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
    then: impl FnOnce(&[&[u8]]) -> T,
) -> T {
    then(&[
        user.as_bytes(),
        chat_id.as_bytes(),
        message_id.as_bytes(),
        call.call_id.as_bytes(),
        call.source.as_bytes(),
        call.source_tool.as_bytes(),
        call.arguments_digest.as_bytes(),
        call.definition_digest.as_bytes(),
        call.policy.as_bytes(),
        &[call.is_repeatable, call.may_edit, call.may_remember].map(u8::from),
    ])
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
