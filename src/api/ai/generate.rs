//! Starts answers without a chat.

use std::sync::Arc;

use uuid::Uuid;

use super::begin::{self, AnswerReceiver};
use super::stateless::{StatelessRecorder, StatelessRequest};
use super::{Ai, attachments};
use crate::agent::{Claim, Credentials, Job, JobTools, Part, Terms};
use crate::http::auth::CurrentUser;
use crate::http::error::{ApiError, shutting_down};

/// Starts an answer that only its listeners keep alive, and waits for its first content. What fails from
/// then on is part of it.
pub(in crate::api) async fn start(
    ai: &Ai,
    user: &CurrentUser,
    id: Uuid,
    mut request: StatelessRequest,
) -> Result<AnswerReceiver, ApiError> {
    ai.check_stateless()?;
    ai.check_model(request.model.as_deref())?;
    let terms = ai.terms(user, None);
    let model = request.model.as_deref().or(Some(ai.providers.default_model()));
    ai.check_offer(&terms, model)?;
    if !request.history.iter().any(|message| message.parts.iter().any(has_content)) {
        let problem = "have nothing to answer: their texts are empty";
        return Err(ApiError::invalid("/messages", problem));
    }
    attachments::read(ai, user, &mut request).await?;
    let job = job(ai, user, id, request, terms);
    let mut answer = ai.generations.start_stateless(job).ok_or_else(shutting_down)?;
    match begin::wait_until_started(&mut answer).await? {
        Claim::Refused(refusal) => Err(refusal.into()),
        _ => Ok(answer),
    }
}

/// Providers refuse a conversation in which nothing is said.
fn has_content(part: &Part) -> bool {
    match part {
        Part::Text { text, .. } => !text.trim().is_empty(),
        Part::Tool(_) | Part::Other(_) => true,
        Part::StepStart | Part::Reasoning { .. } | Part::Hosted(_) => false,
    }
}

fn job(ai: &Ai, user: &CurrentUser, id: Uuid, request: StatelessRequest, terms: Terms) -> Job {
    let reserve =
        ai.reserve(&terms, &request.options, &request.options.functions, request.model.as_deref());
    let recorder = StatelessRecorder {
        supabase: ai.supabase.clone(),
        checkpoints: ai.checkpoints.clone(),
        clock: ai.clock.clone(),
        id,
        run: Uuid::new_v4(),
        reserve: reserve.with_history(&request.history),
        model: request.model,
        history: request.history,
        _held: request.held,
    };
    Job {
        recorder: Arc::new(recorder),
        credentials: Credentials::new(user.id, user.token.clone(), user.expires_at),
        terms,
        options: request.options,
        role: user.role.clone(),
        chat_id: None,
        tools: JobTools::default(),
        client_tools: Vec::new(),
        operation: "generate",
        survives_disconnect: false,
    }
}
