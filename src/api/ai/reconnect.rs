//! What happens when a client comes back to a chat.

use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

use super::begin::{self, AnswerReceiver};
use super::request::ChatRequest;
use super::{Ai, queue_work, resume};
use crate::database::ResumeReply;
use crate::http::auth::CurrentUser;
use crate::http::error::ApiError;
use crate::memory::Held;

/// What the request that began an answer said of its stream.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ResumeQuery {
    /// The `approvals` of the request that began the answer.
    pub approvals: Option<String>,
    /// Its `capabilities`, separated by commas.
    pub capabilities: Option<String>,
}

impl ResumeQuery {
    /// Whether the client knows this.
    pub(super) fn has(&self, capability: &str) -> bool {
        let known = self.capabilities.iter().flat_map(|all| all.split(','));
        known.map(str::trim).any(|known| known == capability)
    }
}

/// What there is to show of the chat. What waits there and is answered by nobody is answered from now on,
/// and shown if there is nothing else.
pub(super) async fn resume_or_continue(
    ai: &Ai,
    user: &CurrentUser,
    chat_id: Uuid,
    held: &Held,
) -> Result<Option<AnswerReceiver>, ApiError> {
    if let Some(answer) = resume::running_here(ai, user, chat_id).await {
        return Ok(Some(answer));
    }
    let ResumeReply { message, queued, awaiting } = resume::find(ai, user, chat_id).await?;
    let answer = match continued(ai, user, chat_id, awaiting, held).await {
        Some(answer) => Some(answer),
        None => resume::shown(ai, user, chat_id, message).await?,
    };
    let Some(queued) = queued else { return Ok(answer) };
    queue_work::work_on(ai, user, chat_id, held);
    match answer {
        None if awaiting.is_none() => Ok(ai.queues.listen(chat_id, queued).await.ok()),
        answer => Ok(answer),
    }
}

/// Continues an answer all of whose calls are answered: whoever has sent the last result may be gone.
async fn continued(
    ai: &Ai,
    user: &CurrentUser,
    chat_id: Uuid,
    awaiting: Option<Uuid>,
    held: &Held,
) -> Option<AnswerReceiver> {
    let request = ChatRequest::continuing(awaiting?, held.clone());
    let answer = begin::start(ai, user, chat_id, false, request).await.ok()?;
    let is_ended = answer.borrow().end.is_some();
    (!is_ended).then_some(answer)
}
