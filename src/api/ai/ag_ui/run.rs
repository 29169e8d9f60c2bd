//! Starts runs, and finds those that have been started.

use axum::http::HeaderMap;
use axum::response::Response;
use tokio::sync::watch;
use uuid::Uuid;

use super::encoder::{EventEncoder, Run};
use super::model::RunAgentInput;
use super::request::{self, Intent};
use super::{ids, messages, rows};
use crate::agent::{Claim, Rows};
use crate::api::ai::begin::{self, AnswerReceiver};
use crate::api::ai::model::ChatGenerate;
use crate::api::ai::reconnect;
use crate::api::ai::request::ChatRequest;
use crate::api::ai::{Ai, ids as chat_ids, remote_answer};
use crate::http::auth::CurrentUser;
use crate::http::error::ApiError;
use crate::http::event_stream;
use crate::memory::Held;

/// How many messages a client is shown that connects.
const MAX_SHOWN: usize = 200;

/// The stream of a run.
pub(super) async fn run(
    ai: &Ai,
    user: &CurrentUser,
    input: RunAgentInput,
    held: Held,
    request_id: &str,
) -> Result<Response, ApiError> {
    check_ids(&input)?;
    let intent = request::intent(&input);
    if intent == Intent::Connect {
        return connect(ai, user, input, held, request_id).await;
    }
    ai.count_generation(user)?;
    // As it came, and twice on the way to a request of this API's own.
    held.grow(2 * held.bytes())?;
    let (answer, earlier) = match intent {
        Intent::Continue => {
            begin_answer(ai, user, &input, request::continuation(&input), held).await?
        }
        _ => start(ai, user, &input, held).await?,
    };
    let run = Run::new(&input, request_id);
    Ok(event_stream::respond(answer, EventEncoder::after(earlier, run)))
}

fn check_ids(input: &RunAgentInput) -> Result<(), ApiError> {
    for (pointer, id) in [("/threadId", &input.thread_id), ("/runId", &input.run_id)] {
        if id.is_empty() || id.len() > 200 {
            return Err(ApiError::invalid(pointer, "must be 1 to 200 bytes"));
        }
    }
    Ok(())
}

/// Starts the answer of a run, or joins it. A question that another run has answered is answered anew: the
/// client has cut that answer off its copy.
async fn start(
    ai: &Ai,
    user: &CurrentUser,
    input: &RunAgentInput,
    held: Held,
) -> Result<(AnswerReceiver, usize), ApiError> {
    let answer_id = ids::answer_id(user.id, &input.run_id);
    let started = begin_answer(ai, user, input, request::answer(input), held.clone()).await;
    let (answer, earlier) = match started {
        // A failed answer may be tried again, but not by the run whose answer it is.
        Err(error) if error.code() == "id_conflict" => {
            let chat_id = chat_ids::chat_id(user.id, &input.thread_id);
            let found = rows::answer(ai, user, &[answer_id]).await?;
            let own = found.filter(|(chat, _)| *chat == chat_id);
            return own.map(|(_, rows)| (stored(&rows), 0)).ok_or(error);
        }
        started => started?,
    };
    let answered = match &answer.borrow().claim {
        Claim::Answered(rows) if rows.message_id != answer_id => Some(rows.message_id),
        _ => None,
    };
    match answered {
        None => Ok((answer, earlier)),
        Some(answered) => {
            begin_answer(ai, user, input, request::regenerate(input, answered), held).await
        }
    }
}

/// An answer as it is stored.
pub(super) fn stored(rows: &Rows) -> AnswerReceiver {
    watch::channel(remote_answer::answer(rows, Claim::Answered(rows.clone()))).1
}

/// Also how many parts of the answer the client has already.
async fn begin_answer(
    ai: &Ai,
    user: &CurrentUser,
    input: &RunAgentInput,
    body: ChatGenerate,
    held: Held,
) -> Result<(AnswerReceiver, usize), ApiError> {
    let chat_id = chat_ids::chat_id(user.id, &input.thread_id);
    let mut request = ChatRequest::read(body, chat_id, &HeaderMap::new(), held)?;
    request.options.context = request::context(input)?;
    request.answer_id = Some(ids::answer_id(user.id, &input.run_id));
    ai.check_model(request.model.as_deref())?;
    let earlier = match &request.continuation {
        Some(continuation) => continuation.record(ai, user, chat_id).await?,
        None => 0,
    };
    let create_chat = request.continues.is_none();
    Ok((begin::start(ai, user, chat_id, create_chat, request).await?, earlier))
}

/// What a client that connects is shown: the chat's messages, and the answer that is being written.
pub(super) async fn connect(
    ai: &Ai,
    user: &CurrentUser,
    input: RunAgentInput,
    held: Held,
    request_id: &str,
) -> Result<Response, ApiError> {
    check_ids(&input)?;
    let chat_id = chat_ids::chat_id(user.id, &input.thread_id);
    let running = running(ai, user, chat_id, held.clone()).await?;
    let history = rows::history(ai, user, &held, chat_id, MAX_SHOWN, None).await?;
    let mut run = Run::new(&input, request_id);
    run.snapshot = Some(messages::snapshot(&history.rows));
    match running {
        Some(answer) => Ok(event_stream::respond(answer, EventEncoder::after(0, run))),
        None => {
            let mut events = Vec::new();
            run.start(&mut events);
            run.finish_empty(&mut events);
            Ok(event_stream::whole(events))
        }
    }
}

/// The answer that is being written in a chat, which may not exist yet. One that has ended is among the
/// messages.
pub(super) async fn running(
    ai: &Ai,
    user: &CurrentUser,
    chat_id: Uuid,
    held: Held,
) -> Result<Option<AnswerReceiver>, ApiError> {
    match reconnect::resume_or_continue(ai, user, chat_id, &held).await {
        Err(error) if error.code() == "chat_not_found" => Ok(None),
        Err(error) => Err(error),
        Ok(answer) => Ok(answer.filter(|answer| answer.borrow().end.is_none())),
    }
}
