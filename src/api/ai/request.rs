//! Reads the two forms of a request into one type, without I/O.

use std::borrow::Cow;

use axum::http::HeaderMap;
use axum::http::header::ACCEPT;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::continuation::Continuation;
use super::ids;
use super::model::{ChatGenerate, IfRunning, Trigger, UserMessage};
use super::overrides::{Overrides, overrides};
use super::requested_tools::RequestedTools;
use crate::agent::{Options, Question, Terms};
use crate::api::messages::parts;
use crate::database::Action;
use crate::http::error::ApiError;
use crate::http::extract::from_text;
use crate::http::validate::Checks;
use crate::memory::Held;
use crate::providers::{ResponseFormat, ToolChoice};

/// What `approvals` says of a client that takes the AI SDK's frames of them.
pub(super) const AI_SDK: &str = "ai-sdk";
pub(super) const DEFAULT_MAX_STEPS: u32 = 8;
const MAX_STEPS: u32 = 50;
/// How long a request may be, besides its messages, whose message waits. As jsonb it may get a bit longer.
const MAX_REMEMBERED: usize = 200 << 10;
/// More than any model gives.
pub(in crate::api) const MAX_OUTPUT_TOKENS: u32 = 10_000_000;

/// A validated request for an answer in a chat.
#[derive(Debug)]
pub(super) struct ChatRequest {
    pub(super) action: Action,
    pub(super) user_message: Option<UserTurn>,
    /// The message that is to be answered again.
    pub(super) regenerate: Option<Uuid>,
    pub(super) stop_running: bool,
    /// What is remembered of the request if its message has to wait.
    pub(super) queue: Option<Box<RawValue>>,
    pub(super) model: Option<String>,
    /// The assistant that the request names.
    pub(super) assistant: Option<String>,
    /// What it says that is an assistant's to say.
    pub(super) overrides: Overrides,
    /// On what terms it is answered, once that is settled.
    pub(super) terms: Option<Terms>,
    pub(super) options: Options,
    pub(super) tools: RequestedTools,
    /// The message to continue, in the place of answering a question.
    pub(super) continues: Option<Uuid>,
    /// What the page's tools have returned.
    pub(super) continuation: Option<Box<Continuation>>,
    /// Whether the client takes a reason in the frame of the end.
    pub(super) says_finish_reason: bool,
    /// Whether the client takes the AI SDK's frames of approvals.
    pub(super) takes_approvals: bool,
    pub(super) stream: bool,
    /// The id of the answer, where the client's protocol implies it.
    pub(super) answer_id: Option<Uuid>,
    /// The memory that the request is charged to.
    pub(super) held: Held,
}

/// The user message to answer.
#[derive(Debug)]
pub(super) struct UserTurn {
    /// Where in the request it is.
    pub(super) pointer: String,
    pub(super) id: Uuid,
    pub(super) content: String,
    pub(super) parts: Vec<Value>,
    pub(super) metadata: Option<Map<String, Value>>,
    /// The message before it in the client's list, where that ends with it; `Some(None)` if it is the first.
    pub(super) after: Option<Option<Uuid>>,
}

impl ChatRequest {
    /// Reads a request about `chat_id`.
    pub(super) fn read(
        body: ChatGenerate,
        chat_id: Uuid,
        headers: &HeaderMap,
        held: Held,
    ) -> Result<Self, ApiError> {
        let mut checks = Checks::default();
        let is_sdk = body.id.is_some() || body.messages.is_some() || body.trigger.is_some();
        let stream = body.stream.unwrap_or(is_sdk || accepts_events(headers));
        let max_steps = body.max_steps.unwrap_or(DEFAULT_MAX_STEPS);
        checks.range("/max_steps", Some(max_steps), 1, MAX_STEPS);
        let regenerate = regenerate(&body, chat_id);
        let action = action(&body);
        let continuation = Continuation::read(&body, chat_id, &mut checks);
        let user_message = match continuation {
            Some(_) => None,
            None => user_turn(&body, chat_id, &mut checks),
        };
        let tools = RequestedTools::read(&body, &mut checks);
        let capabilities = body.capabilities.as_deref().unwrap_or_default();
        let options = options(&body, max_steps);
        check_options(&options, body.model.as_deref(), &mut checks);
        let queue = match body.if_running {
            IfRunning::Queue if action != Action::Regenerate => remembered(&body, &mut checks),
            _ => None,
        };
        checks.finish()?;
        // As values and once more as the request to the provider.
        held.grow(4 * tools.cleaned_bytes())?;
        Ok(Self {
            action,
            queue,
            user_message,
            regenerate,
            stop_running: body.if_running == IfRunning::Stop,
            assistant: body.assistant.clone(),
            overrides: overrides(&body),
            terms: None,
            model: body.model,
            options,
            tools,
            continues: continuation.as_ref().map(|continuation| continuation.message_id),
            continuation: continuation.map(Box::new),
            says_finish_reason: capabilities.iter().any(|word| word == "finish-reason"),
            takes_approvals: body.approvals.as_deref() == Some(AI_SDK),
            stream,
            answer_id: None,
            held,
        })
    }
}

impl ChatRequest {
    /// Continues an answer with what the server knows of it.
    pub(super) fn continuing(message_id: Uuid, held: Held) -> Self {
        let options = options(&ChatGenerate::default(), DEFAULT_MAX_STEPS);
        Self { continues: Some(message_id), ..Self::of_server(options, held) }
    }

    /// A request of which another replica has answered the beginning.
    pub(super) fn taken_over(options: Options, tools: Vec<String>, held: Held) -> Self {
        Self { tools: RequestedTools::of_server(tools), ..Self::of_server(options, held) }
    }

    /// One that the server makes itself.
    fn of_server(options: Options, held: Held) -> Self {
        Self {
            action: Action::Submit,
            user_message: None,
            regenerate: None,
            stop_running: false,
            model: None,
            assistant: None,
            overrides: Vec::new(),
            terms: None,
            options,
            tools: RequestedTools::silent(),
            queue: None,
            continues: None,
            continuation: None,
            says_finish_reason: false,
            takes_approvals: false,
            stream: true,
            answer_id: None,
            held,
        }
    }

    /// Identifies a repeat of this request; a regeneration is always new.
    pub(super) fn repeatable_question(&self) -> Option<Question> {
        let turn = self.user_message.as_ref().filter(|_| self.action != Action::Regenerate)?;
        Some(Question { id: turn.id, parts: json!(turn.parts).to_string() })
    }
}

fn options(body: &ChatGenerate, max_steps: u32) -> Options {
    Options {
        system: body.system.clone(),
        context: None,
        max_output_tokens: body.max_output_tokens,
        output_limit: None,
        temperature: body.temperature,
        top_p: body.top_p,
        stop: Vec::new(),
        reasoning_effort: body.reasoning_effort,
        response_format: ResponseFormat::Text,
        max_steps,
        functions: Vec::new(),
        tool_choice: ToolChoice::Auto,
        parallel_tool_calls: None,
    }
}

/// Whether the client asks for a stream by its `Accept` header.
pub(super) fn accepts_events(headers: &HeaderMap) -> bool {
    let accept = headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    accept.split(',').any(|kind| kind.trim().starts_with("text/event-stream"))
}

fn action(body: &ChatGenerate) -> Action {
    match body.trigger {
        Some(Trigger::RegenerateMessage) => Action::Regenerate,
        _ if non_empty(&body.regenerate).is_some() => Action::Regenerate,
        Some(Trigger::SubmitMessage) => Action::Edit,
        None => Action::Submit,
    }
}

fn regenerate(body: &ChatGenerate, chat_id: Uuid) -> Option<Uuid> {
    let id = match body.trigger {
        Some(Trigger::RegenerateMessage) => {
            non_empty(&body.regenerate).or(non_empty(&body.message_id))
        }
        _ => non_empty(&body.regenerate),
    };
    id.map(|id| ids::message_id(chat_id, id))
}

/// An id; the SDK's own default for a message without one is the empty text.
fn non_empty(id: &Option<String>) -> Option<&str> {
    id.as_deref().filter(|id| !id.is_empty())
}

fn user_turn(body: &ChatGenerate, chat_id: Uuid, checks: &mut Checks) -> Option<UserTurn> {
    let is_user = |message: &&UserMessage| message.role.as_deref().unwrap_or("user") == "user";
    if let Some(content) = body.content.clone() {
        if body.message.is_some() {
            checks.refuse("/content", "cannot be sent together with message");
        }
        let message = UserMessage { content: Some(content), ..UserMessage::default() };
        return Some(read(&message, "", chat_id, body, checks));
    }
    if let Some(message) = &body.message {
        if !is_user(&message) {
            checks.refuse("/message/role", "must be user");
        }
        return Some(read(message, "/message", chat_id, body, checks));
    }
    let messages = body.messages.as_deref().unwrap_or_default();
    let (index, message) = last_user_message(messages)?;
    let prefix = format!("/messages/{index}");
    let after = after(&messages[..index], chat_id).filter(|_| index + 1 == messages.len());
    match from_text(message.get()) {
        Ok(message) => Some(UserTurn { after, ..read(&message, &prefix, chat_id, body, checks) }),
        Err(error) => {
            checks.refuse(format!("{prefix}{}", error.pointer), error.detail);
            None
        }
    }
}

/// The client sends the whole conversation; only this message counts, so only this one is read. What
/// does not say who speaks is taken for it, and refused when it is read.
fn last_user_message(messages: &[Box<RawValue>]) -> Option<(usize, &RawValue)> {
    #[derive(Deserialize)]
    struct Message<'a> {
        #[serde(borrow)]
        role: Option<Cow<'a, str>>,
    }
    let is_user = |message: &RawValue| {
        from_text::<Message<'_>>(message.get())
            .map_or(true, |message| message.role.as_deref().unwrap_or("user") == "user")
    };
    let messages = messages.iter().map(|message| &**message).enumerate();
    messages.rev().find(|(_, message)| is_user(message))
}

fn read(
    message: &UserMessage,
    prefix: &str,
    chat_id: Uuid,
    body: &ChatGenerate,
    checks: &mut Checks,
) -> UserTurn {
    checks.metadata(&format!("{prefix}/metadata"), message.metadata.as_ref());
    // The SDK sends the id of an edited message as `messageId` too; the message's own comes first.
    let edited =
        non_empty(&body.message_id).filter(|_| body.trigger == Some(Trigger::SubmitMessage));
    let id = non_empty(&message.id).or(edited);
    let (content, parts) = match (&message.content, &message.parts) {
        // Older transports send both; the parts say more.
        (Some(_), Some(parts)) if !parts.is_empty() => (None, Some(parts.clone())),
        (content, parts) => (content.clone(), parts.clone().filter(|_| content.is_none())),
    };
    let parts = parts::for_model(content, parts, prefix, checks);
    UserTurn {
        pointer: prefix.to_owned(),
        id: id.map_or_else(Uuid::now_v7, |id| ids::message_id(chat_id, id)),
        content: parts::text(&parts),
        parts,
        metadata: message.metadata.clone(),
        after: None,
    }
}

/// The last of the messages before the question, `Some(None)` if there are none.
fn after(before: &[Box<RawValue>], chat_id: Uuid) -> Option<Option<Uuid>> {
    #[derive(Deserialize)]
    struct Message<'a> {
        #[serde(borrow)]
        id: Option<Cow<'a, str>>,
    }
    let Some(last) = before.last() else { return Some(None) };
    let message: Message<'_> = from_text(last.get()).ok()?;
    let id = message.id.filter(|id| !id.is_empty())?;
    Some(Some(ids::message_id(chat_id, &id)))
}

/// What is needed to answer a message later, besides the message.
fn remembered(body: &ChatGenerate, checks: &mut Checks) -> Option<Box<RawValue>> {
    let rest = ChatGenerate {
        message: None,
        content: None,
        messages: None,
        id: None,
        trigger: None,
        message_id: None,
        if_running: IfRunning::Reject,
        ..body.clone()
    };
    let mut json = json!(rest);
    if let Value::Object(members) = &mut json {
        members.retain(|_, value| !value.is_null());
    }
    let json = serde_json::value::to_raw_value(&json).ok()?;
    if json.get().len() > MAX_REMEMBERED {
        checks
            .refuse("/if_running", "cannot be queue: the request is too long besides its messages");
    }
    Some(json)
}

/// Checks the options for the model.
pub(in crate::api) fn check_options(options: &Options, model: Option<&str>, checks: &mut Checks) {
    checks.range("/temperature", options.temperature, 0.0, 2.0);
    checks.range("/top_p", options.top_p, 0.0, 1.0);
    checks.range("/max_output_tokens", options.max_output_tokens, 1, MAX_OUTPUT_TOKENS);
    if let Some(model) = model {
        checks.length("/model", model, 1, 200);
    }
    if let Some(system) = &options.system {
        checks.length("/system", system, 0, 100_000);
    }
}
