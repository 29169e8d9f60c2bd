//! Reads results of the page's tools and has their answers continued.

use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::decisions::{self, Decision, already_decided, approval_expired};
use super::model::{ChatGenerate, Trigger, UserMessage};
use super::{Ai, ids};
use crate::database::{self, AnswerToolCalls, AnsweredCalls, CallResult, DecisionResult};
use crate::http::auth::CurrentUser;
use crate::http::error::ApiError;
use crate::http::extract::from_text;
use crate::http::validate::Checks;
use crate::json::value_depth;

/// The longest result of one call, as JSON, and how deep it may be nested.
const MAX_BYTES: usize = 64 << 10;
const MAX_DEPTH: usize = 60;
/// So many calls of a step can wait.
const MAX_DECISIONS: usize = 32;

/// What a request of the AI SDK says that ends with a message of the assistant's.
#[derive(Debug, Default)]
pub(super) struct Continuation {
    /// The message to continue.
    pub(super) message_id: Uuid,
    /// `{"output"}` or `{"error"}` by the calls' ids.
    outcomes: Map<String, Value>,
    /// Decisions by the approvals' ids.
    decisions: Vec<(String, Decision)>,
    /// Where results are that are not taken, and why: they may be of tools that have run here.
    refused: Vec<(String, &'static str)>,
}

#[derive(Deserialize)]
struct AssistantMessage {
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    parts: Vec<Value>,
}

impl Continuation {
    /// What the last message says, where it is the assistant's. Everything else about the calls is in the
    /// database: the client's copy may be anything.
    pub(super) fn read(body: &ChatGenerate, chat_id: Uuid, checks: &mut Checks) -> Option<Self> {
        if body.content.is_some() || body.trigger == Some(Trigger::RegenerateMessage) {
            return None;
        }
        let (message, prefix) = last_message(body, checks)?;
        let ids = [message.id.as_deref(), body.message_id.as_deref()];
        let Some(id) = ids.into_iter().flatten().find(|id| !id.is_empty()) else {
            checks.refuse(format!("{prefix}/id"), "is missing: it names the answer to continue");
            return None;
        };
        let mut continuation = Self { message_id: ids::message_id(chat_id, id), ..Self::default() };
        for (index, part) in message.parts.into_iter().enumerate() {
            continuation.read_part(part, &format!("{prefix}/parts/{index}"));
        }
        Some(continuation)
    }

    /// Only the last step's calls can wait.
    fn read_part(&mut self, mut part: Value, pointer: &str) {
        let kind = part["type"].as_str().unwrap_or_default();
        if kind == "step-start" {
            self.outcomes.clear();
            self.decisions.clear();
            self.refused.clear();
        }
        let is_tool = kind.starts_with("tool-") || kind == "dynamic-tool";
        let (Some(call), true) = (part["toolCallId"].as_str().map(str::to_owned), is_tool) else {
            return;
        };
        let (outcome, field) = match part["state"].as_str() {
            // Nothing else of the call is the client's to say.
            Some("approval-responded") => return self.read_decision(&part["approval"]),
            Some("output-available") => (json!({ "output": part["output"].take() }), "output"),
            Some("output-error") => (json!({ "error": part["errorText"].take() }), "errorText"),
            _ => return,
        };
        match check(&outcome) {
            Ok(()) => drop(self.outcomes.insert(call, outcome)),
            Err(detail) => self.refused.push((format!("{pointer}/{field}"), detail)),
        }
    }

    fn read_decision(&mut self, approval: &Value) {
        let (Some(id), Some(approved)) = (approval["id"].as_str(), approval["approved"].as_bool())
        else {
            return;
        };
        if self.decisions.len() < MAX_DECISIONS {
            let decision = Decision::new(approved, approval["reason"].as_str());
            self.decisions.push((id.to_owned(), decision));
        }
    }

    /// Records the decisions; 404 if none of them is about a call of the chat's, and nothing else is said.
    async fn decide(&self, ai: &Ai, user: &CurrentUser, chat_id: Uuid) -> Result<(), ApiError> {
        let (mut known, mut has_expired, mut has_counted) = (0, false, false);
        for (id, decision) in &self.decisions {
            let Some(decided) = decisions::decide(ai, user, chat_id, id, decision).await? else {
                continue;
            };
            known += 1;
            match decided.answer {
                DecisionResult::Expired => has_expired = true,
                _ => has_counted = true,
            }
        }
        if known == 0 && !self.decisions.is_empty() && self.outcomes.is_empty() {
            return Err(ApiError::not_found("tool call"));
        }
        if has_expired && !has_counted && self.outcomes.is_empty() {
            return Err(approval_expired());
        }
        Ok(())
    }

    /// Records the results and decisions. How many parts the client has of the message.
    pub(super) async fn record(
        &self,
        ai: &Ai,
        user: &CurrentUser,
        chat_id: Uuid,
    ) -> Result<usize, ApiError> {
        self.decide(ai, user, chat_id).await?;
        let answered = record(ai, user, chat_id, Some(self.message_id), &self.outcomes).await?;
        let answered = answered.ok_or_else(|| ApiError::not_found("message"))?;
        if let Some((pointer, detail)) = self.refused.first()
            && answered.remaining > 0
        {
            return Err(ApiError::invalid(pointer, *detail));
        }
        let has = |result| answered.results.values().any(|other| *other == result);
        if has(CallResult::Expired) && !has(CallResult::Recorded) && !has(CallResult::Same) {
            return Err(expired());
        }
        Ok(answered.message_parts)
    }
}

/// The last message, where it is the assistant's, and where it is. Transports send it alone or at the end of
/// the conversation.
fn last_message(body: &ChatGenerate, checks: &mut Checks) -> Option<(AssistantMessage, String)> {
    if let Some(UserMessage { id, role: Some(role), parts, .. }) = &body.message {
        let (id, parts) = (id.clone(), parts.clone().unwrap_or_default());
        return (role == "assistant")
            .then(|| (AssistantMessage { id, parts }, "/message".to_owned()));
    }
    let messages = body.messages.as_deref().filter(|_| body.message.is_none())?;
    let last = messages.last().filter(|message| is_assistants(message))?;
    let prefix = format!("/messages/{}", messages.len() - 1);
    match from_text(last.get()) {
        Ok(message) => Some((message, prefix)),
        Err(error) => {
            checks.refuse(format!("{prefix}{}", error.pointer), error.detail);
            None
        }
    }
}

fn is_assistants(message: &RawValue) -> bool {
    #[derive(Deserialize)]
    struct Message {
        role: Option<String>,
    }
    from_text::<Message>(message.get())
        .is_ok_and(|message| message.role.as_deref() == Some("assistant"))
}

/// What is wrong with a result, after the name of its place.
pub(super) fn check(outcome: &Value) -> Result<(), &'static str> {
    if outcome.get("error").is_some_and(|error| !error.is_string()) {
        return Err("must be a string");
    }
    if value_depth(outcome) > MAX_DEPTH + 1 {
        return Err("is nested too deeply: at most 60 levels are allowed");
    }
    if outcome.to_string().len() > MAX_BYTES {
        return Err("is too long: a result may have 64 KiB of JSON");
    }
    Ok(())
}

/// Records the results of calls; none if there is no such message.
pub(super) async fn record(
    ai: &Ai,
    user: &CurrentUser,
    chat_id: Uuid,
    message_id: Option<Uuid>,
    outcomes: &Map<String, Value>,
) -> Result<Option<AnsweredCalls>, ApiError> {
    let outcomes = match crate::agent::storable(Value::Object(outcomes.clone())) {
        Value::Object(outcomes) => outcomes,
        _ => Map::new(),
    };
    let answer =
        AnswerToolCalls { p_chat_id: chat_id, p_outcomes: &outcomes, p_message_id: message_id };
    let answered = database::call(ai.supabase.rest(user.caller()), &answer).await?;
    let mut results = answered.iter().flat_map(|answered| answered.results.values());
    match results.any(|result| *result == CallResult::Decided) {
        true => Err(already_decided()),
        false => Ok(answered),
    }
}

/// 410: nobody waits for the result any more.
pub(super) fn expired() -> ApiError {
    ApiError::new(
        StatusCode::GONE,
        "approval_expired",
        "The result came too late: a page has ten minutes for it. Read the chat's messages again.",
    )
}
