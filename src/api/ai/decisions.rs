//! Decisions about calls that wait for a person.

use std::time::Duration;

use axum::http::StatusCode;
use serde_json::Value;
use uuid::Uuid;

use super::Ai;
use super::call_seal::{facts, is_sealed, seal_changed, seal_grant};
use super::who::who;
use crate::agent::{FindError, Misfit, SealedCall, storable, unredacted, value_digest};
use crate::database::{
    self, DecideToolCall, DecidedCall, DecisionResult, EditedArguments, FindToolCall, StoredCall,
};
use crate::http::auth::CurrentUser;
use crate::http::error::ApiError;
use crate::json::value_depth;
use crate::seal::SealKeys;

/// The longest reason, in characters.
const MAX_REASON: usize = 1_000;
/// The longest arguments that a person can decide on, as JSON, and how deep they may be nested.
pub(super) const MAX_ARGUMENTS: usize = 64 << 10;
const MAX_DEPTH: usize = 60;
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// A person's decision.
#[derive(Debug, Default)]
pub(super) struct Decision {
    pub(super) approved: bool,
    pub(super) reason: Option<String>,
    /// The digest of the arguments that the person has seen.
    pub(super) digest: Option<String>,
    /// Arguments that take the place of the model's.
    pub(super) arguments: Option<Value>,
    /// Whether the tool is allowed for the rest of the chat.
    pub(super) remember: bool,
}

impl Decision {
    /// A decision that says no more than whether.
    pub(super) fn new(approved: bool, reason: Option<&str>) -> Self {
        Self { approved, reason: reason.and_then(readable), ..Self::default() }
    }

    /// What is wrong with it.
    pub(super) fn check(&self) -> Result<(), ApiError> {
        let Some(arguments) = &self.arguments else { return Ok(()) };
        if !self.approved {
            return Err(ApiError::invalid("/arguments", "cannot be sent with a denial"));
        }
        if !arguments.is_object() {
            return Err(ApiError::invalid("/arguments", "must be an object"));
        }
        if value_depth(arguments) > MAX_DEPTH {
            let detail = "is nested too deeply: at most 60 levels are allowed";
            return Err(ApiError::invalid("/arguments", detail));
        }
        if arguments.to_string().len() > MAX_ARGUMENTS {
            let detail = "is too long: arguments may have 64 KiB of JSON";
            return Err(ApiError::invalid("/arguments", detail));
        }
        Ok(())
    }
}

/// The beginning of a reason, without what confuses those who read it.
fn readable(reason: &str) -> Option<String> {
    let is_confusing = |c: char| {
        c.is_control() && c != '\n'
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{61c}')
    };
    let kept: String = reason.chars().filter(|c| !is_confusing(*c)).take(MAX_REASON).collect();
    let kept = kept.trim();
    (!kept.is_empty()).then(|| kept.to_owned())
}

/// Records a decision about the call with this approval's or call's id; none if the chat has none.
pub(super) async fn decide(
    ai: &Ai,
    user: &CurrentUser,
    chat_id: Uuid,
    call: &str,
    decision: &Decision,
) -> Result<Option<DecidedCall>, ApiError> {
    ai.limits.count_decision(user.id)?;
    let mut decide = DecideToolCall {
        p_chat_id: chat_id,
        p_call: call,
        p_approved: decision.approved,
        p_reason: decision.reason.as_deref(),
        p_digest: decision.digest.as_deref(),
        p_edit: None,
        p_grant_seal: None,
    };
    if decision.arguments.is_none() && !decision.remember {
        return record(ai, user, &decide).await;
    }
    let find = FindToolCall { p_chat_id: chat_id, p_call: call };
    let stored = database::call(ai.supabase.rest(user.caller()), &find).await?;
    let Some(stored) = stored else { return Ok(None) };
    let keys = sealed_by(ai, user, &stored)?;
    if decision.remember {
        check_remember(&stored)?;
        decide.p_grant_seal = Some(seal_grant(keys, user.id, &stored));
    }
    let arguments = match &decision.arguments {
        Some(arguments) => Some(changed(ai, user, &stored, arguments.clone()).await?),
        None => None,
    };
    if let Some(arguments) = &arguments {
        decide.p_edit = Some(edited(ai, keys, user, &stored, arguments)?);
    }
    record(ai, user, &decide).await
}

/// The arguments as the person has changed them, if they fit the tool.
async fn changed(
    ai: &Ai,
    user: &CurrentUser,
    stored: &StoredCall,
    arguments: Value,
) -> Result<Value, ApiError> {
    if !stored.may_edit {
        return Err(not_editable());
    }
    let facts = facts(stored).ok_or_else(already_decided)?;
    let who = who(user);
    let found =
        ai.sources.find(facts.source, facts.source_tool, facts.definition_digest, &who).await;
    let redact = stored.redact.as_deref().unwrap_or_default();
    let arguments = unredacted(storable(arguments), &stored.arguments, redact);
    let tool = match found {
        Ok(tool) => tool,
        // Nothing is decided any more, and the same decision is told that it is the same.
        Err(_) if stored.state != "pending" => return Ok(arguments),
        Err(FindError::Missing | FindError::Changed) => return Err(tool_changed()),
        Err(FindError::Unavailable(why)) => return Err(tool_unavailable(&why)),
    };
    tool.checked(arguments).map_err(|misfit| match misfit {
        Misfit::At { pointer, detail } => ApiError::invalid(format!("/arguments{pointer}"), detail),
        Misfit::TooCostly => ApiError::invalid("/arguments", "cannot be checked"),
    })
}

async fn record(
    ai: &Ai,
    user: &CurrentUser,
    decide: &DecideToolCall<'_>,
) -> Result<Option<DecidedCall>, ApiError> {
    let decided = database::call(ai.supabase.rest(user.caller()), decide).await?;
    let Some(decided) = decided else { return Ok(None) };
    match decided.answer {
        DecisionResult::Unknown => Ok(None),
        DecisionResult::Decided => Err(already_decided()
            .with_member("state", decided.state)
            .with_member("approved", decided.approved)),
        DecisionResult::ArgumentsChanged => Err(arguments_changed()),
        DecisionResult::NotEditable => Err(not_editable()),
        DecisionResult::Recorded => {
            ai.generations.metrics().decision(decide.p_approved);
            Ok(Some(decided))
        }
        _ => Ok(Some(decided)),
    }
}

/// The keys with which the call is sealed: what a user has written is not sealed anew.
fn sealed_by<'a>(
    ai: &'a Ai,
    user: &CurrentUser,
    stored: &StoredCall,
) -> Result<&'a SealKeys, ApiError> {
    let now = ai.clock.now();
    let keys = ai.seal_keys.as_ref().filter(|keys| is_sealed(keys, user.id, stored, now));
    keys.ok_or_else(already_decided)
}

fn edited<'a>(
    ai: &Ai,
    keys: &SealKeys,
    user: &CurrentUser,
    stored: &StoredCall,
    arguments: &'a Value,
) -> Result<EditedArguments<'a>, ApiError> {
    let facts = facts(stored).ok_or_else(already_decided)?;
    let arguments_digest = value_digest(arguments);
    let facts = SealedCall { arguments_digest: &arguments_digest, ..facts };
    let seal = seal_changed(keys, user.id, stored, &facts, ai.clock.now());
    Ok(EditedArguments { arguments, arguments_digest, seal })
}

fn check_remember(stored: &StoredCall) -> Result<(), ApiError> {
    if stored.may_remember {
        return Ok(());
    }
    let detail = "cannot be set: this tool asks each time";
    Err(ApiError::invalid("/remember", detail))
}

fn not_editable() -> ApiError {
    ApiError::invalid(
        "/arguments",
        "cannot be sent: the arguments of this tool are not to be changed",
    )
}

/// 409: the person has seen something else than what would be run.
fn arguments_changed() -> ApiError {
    ApiError::new(
        StatusCode::CONFLICT,
        "arguments_changed",
        "These are not the arguments that you were shown. Read what waits for you again.",
    )
}

/// 409: the arguments of a tool that is another by now are nobody's to change.
fn tool_changed() -> ApiError {
    ApiError::new(
        StatusCode::CONFLICT,
        "tool_changed",
        "This tool is not there any more, or another one by now, so the changed arguments cannot be checked. \
         Deny the call, and ask for it again in the chat.",
    )
}

/// 503: the tool's source cannot be asked what its arguments are.
fn tool_unavailable(why: &str) -> ApiError {
    let detail = format!(
        "The changed arguments cannot be checked at the moment: {why}. Try again, or approve the call as it is."
    );
    ApiError::unavailable("tool_unavailable", detail, RETRY_AFTER)
}

/// 409: the first result counts.
pub(super) fn already_decided() -> ApiError {
    ApiError::new(
        StatusCode::CONFLICT,
        "already_decided",
        "This call has been decided otherwise or has another result already, or it is not wanted any more. \
         Read the chat's messages again.",
    )
}

/// 410: the time for a decision is over.
pub(super) fn approval_expired() -> ApiError {
    ApiError::new(
        StatusCode::GONE,
        "approval_expired",
        "The time for this decision is over, and the tool was not run. Ask for it again in the chat.",
    )
}
