//! Who answers: the assistant that a request names, else the chat's.

use std::sync::Arc;

use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use super::model::AssistantInfo;
use super::request::{ChatRequest, DEFAULT_MAX_STEPS};
use super::{Ai, requested_tools::RequestedTools};
use crate::config::file::assistants::{Assistant, Overridable};
use crate::http::auth::CurrentUser;
use crate::http::error::ApiError;
use crate::supabase::SupabaseError;

impl Ai {
    /// The assistants that this user may ask.
    pub(super) fn assistants(&self, user: &CurrentUser) -> Vec<AssistantInfo> {
        let file = self.file.current();
        let plan = file.plan(user.plan.as_deref());
        let offered = file.assistants.iter();
        let offered = offered.filter(|own| plan.is_none_or(|plan| plan.has_assistant(&own.id)));
        offered.map(|own| self.describe(own)).collect()
    }

    fn describe(&self, assistant: &Assistant) -> AssistantInfo {
        let model = self.providers.choose(assistant.model.as_deref());
        AssistantInfo {
            id: assistant.id.clone(),
            name: assistant.name.clone(),
            description: assistant.description.clone(),
            model: model.map(|model| model.id).unwrap_or_default(),
            tools: assistant.tools.clone(),
            suggestions: assistant.suggestions.clone(),
        }
    }

    /// The assistant with this id; 422 if there is none, 403 if it is not part of the user's plan.
    pub(in crate::api) fn assistant(
        &self,
        user: &CurrentUser,
        id: &str,
    ) -> Result<Arc<Assistant>, ApiError> {
        let file = self.file.current();
        let Some(assistant) = file.assistant(id) else {
            let known: Vec<_> = file.assistants.iter().map(|known| known.id.as_str()).collect();
            let detail = match known.as_slice() {
                [] => "names an assistant, but this server has none".to_owned(),
                known => {
                    format!("is not an assistant of this server; it has: {}", known.join(", "))
                }
            };
            return Err(ApiError::invalid("/assistant", detail));
        };
        match file.plan(user.plan.as_deref()) {
            Some(plan) if !plan.has_assistant(id) => Err(ApiError::new(
                StatusCode::FORBIDDEN,
                "plan_limit",
                format!(
                    "Your plan ({}) does not have the assistant {id}. Choose another one.",
                    plan.name
                ),
            )),
            _ => Ok(assistant.clone()),
        }
    }

    /// 403 where the operator offers nothing but assistants and chats.
    pub(in crate::api) fn check_stateless(&self) -> Result<(), ApiError> {
        if self.assistants_only {
            return Err(ApiError::new(
                StatusCode::FORBIDDEN,
                "assistants_only",
                "This server answers in chats with its assistants only. GET /api/ai/assistants lists them.",
            ));
        }
        if !self.is_stateless_on {
            return Err(ApiError::new(
                StatusCode::FORBIDDEN,
                "stateless_off",
                "This server answers in chats only. Send the message to /api/ai/chat.",
            ));
        }
        Ok(())
    }
}

/// Sees to it that a request says on what terms it is answered.
pub(super) async fn settle(
    ai: &Ai,
    user: &CurrentUser,
    chat_id: Uuid,
    create_chat: bool,
    mut request: ChatRequest,
) -> Result<ChatRequest, ApiError> {
    if request.terms.is_some() {
        return Ok(request);
    }
    let named = request.assistant.clone();
    if let Some(id) = &named {
        // Before anything is stored.
        ai.assistant(user, id)?;
    }
    let id = match named {
        Some(id) if create_chat => {
            create(ai, user, chat_id, &id).await?;
            Some(id)
        }
        Some(id) => Some(id),
        // Without a file no chat has one; with one that offers none any more, a chat may still name it.
        None if ai.file.current().path.is_none() => None,
        None => of_chat(ai, user, chat_id).await?,
    };
    let assistant = id.map(|id| ai.assistant(user, &id)).transpose()?;
    match &assistant {
        Some(assistant) => apply(ai, assistant, &mut request)?,
        None if ai.assistants_only => return Err(no_assistant()),
        None => {}
    }
    let terms = ai.terms(user, assistant);
    ai.check_offer(&terms, request.model.as_deref())?;
    request.terms = Some(terms);
    Ok(request)
}

/// 422: the chat has none.
fn no_assistant() -> ApiError {
    ApiError::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        "assistant_required",
        "This server answers with its assistants only, and this chat has none. Name one with \
         `assistant`, here or in the chat; GET /api/ai/assistants lists them.",
    )
}

/// What the assistant says, the request need not; what is the assistant's, it cannot.
fn apply(ai: &Ai, assistant: &Assistant, request: &mut ChatRequest) -> Result<(), ApiError> {
    let refused = request.overrides.iter().find(|(_, what)| !assistant.leaves(*what));
    if let Some((pointer, _)) = refused {
        let detail = format!("cannot be chosen: the assistant {} decides it", assistant.id);
        return Err(ApiError::invalid(*pointer, detail));
    }
    let says = |what| request.overrides.iter().any(|(_, given)| *given == what);
    let limits = &assistant.limits;
    if !says(Overridable::MaxSteps) {
        request.options.max_steps = limits.max_steps.unwrap_or(DEFAULT_MAX_STEPS);
    }
    if !says(Overridable::Tools) {
        request.tools.server = RequestedTools::of_server(assistant.tools.clone()).server;
    }
    let options = &mut request.options;
    options.output_limit = limits.max_output_tokens;
    options.temperature = options.temperature.or(limits.temperature);
    options.top_p = options.top_p.or(limits.top_p);
    options.reasoning_effort = options.reasoning_effort.or(limits.reasoning_effort);
    if !assistant.leaves(Overridable::System) {
        options.system = None;
        options.context = None;
    }
    let default = || ai.providers.default_model().to_owned();
    let model = request.model.take().or_else(|| assistant.model.clone());
    request.model = Some(model.unwrap_or_else(default));
    Ok(())
}

/// The chat's assistant; none if there is no such chat.
async fn of_chat(
    ai: &Ai,
    user: &CurrentUser,
    chat_id: Uuid,
) -> Result<Option<String>, SupabaseError> {
    #[derive(Deserialize)]
    struct Row {
        assistant: Option<String>,
    }
    let chat = ai.supabase.rest(user.caller()).from("chats").eq("id", chat_id).select("assistant");
    let rows = chat.rows().await?;
    let row = rows.first()?.map(|row| serde_json::from_slice::<Row>(&row)).transpose()?;
    Ok(row.and_then(|row| row.assistant))
}

/// Creates a chat with this assistant, unless there is one with this id.
async fn create(
    ai: &Ai,
    user: &CurrentUser,
    chat_id: Uuid,
    assistant: &str,
) -> Result<(), SupabaseError> {
    let chats = ai.supabase.rest(user.caller()).from("chats");
    let chat = json!({ "id": chat_id, "assistant": assistant });
    chats.insert_new(&chat).select("id").rows().await.map(drop)
}
