//! What a replica does for users whose requests have reached another one: with their own tokens, and only
//! for the answers that it writes itself.

use std::io;
use std::time::Duration;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;
use tokio::sync::watch;
use tokio::time::timeout;
use uuid::Uuid;

use super::hand_over::TakeOver;
use super::request::ChatRequest;
use super::{Ai, begin};
use crate::agent::{Answer, Generation, LiveCursor};
use crate::http::auth::CurrentUser;
use crate::http::error::ApiError;
use crate::http::extract::{Path, from_text};
use crate::memory::Held;
use crate::peers::Peers;

/// The message of a chat.
type Target = Path<(Uuid, Uuid)>;

/// The answer from its start, then live: what is new of it, one JSON value a line. An empty line says that
/// nothing is new.
pub async fn follow(
    State(ai): State<Ai>,
    user: CurrentUser,
    Path((chat_id, message_id)): Target,
) -> Result<Response, ApiError> {
    let answer = written_here(&ai, &user, chat_id, message_id)?.answer;
    let ping_every = ai.peers.as_ref().map_or(Duration::MAX, Peers::ping_every);
    let follower = Follower { answer, cursor: LiveCursor::default(), ping_every };
    let body = stream::unfold(Some(follower), |follower| async move { follower?.next().await });
    let mut response = Response::new(Body::from_stream(body));
    let content_type = HeaderValue::from_static("application/x-ndjson");
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    Ok(response)
}

/// Stops the answer and waits for its end.
pub async fn stop(
    State(ai): State<Ai>,
    user: CurrentUser,
    Path((chat_id, message_id)): Target,
) -> Result<StatusCode, ApiError> {
    written_here(&ai, &user, chat_id, message_id)?.stop_and_wait().await;
    Ok(StatusCode::NO_CONTENT)
}

/// Goes on with the answer of a replica that is being stopped.
pub async fn take_over(
    State(ai): State<Ai>,
    user: CurrentUser,
    Extension(held): Extension<Held>,
    Path(target): Target,
    body: String,
) -> Result<StatusCode, ApiError> {
    let from: TakeOver = from_text(&body).map_err(|error| ApiError::validation(vec![error]))?;
    let request = ChatRequest::taken_over(from.options(), from.tools(), held);
    begin::take_over(&ai, &user, target, request, from).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn written_here(
    ai: &Ai,
    user: &CurrentUser,
    chat_id: Uuid,
    message_id: Uuid,
) -> Result<Generation, ApiError> {
    let generation = ai.generations.writing(chat_id, message_id);
    let own = generation.filter(|generation| generation.is_of(user.id));
    own.ok_or_else(|| ApiError::not_found("message"))
}

struct Follower {
    answer: watch::Receiver<Answer>,
    cursor: LiveCursor,
    ping_every: Duration,
}

type Chunk = io::Result<Bytes>;

impl Follower {
    /// The next line and, unless it is the last, the follower.
    async fn next(mut self) -> Option<(Chunk, Option<Self>)> {
        if self.cursor.is_at_end() {
            return None;
        }
        loop {
            let news = self.cursor.advance(&self.answer.borrow_and_update());
            if let Some(news) = news {
                let mut line = match serde_json::to_vec(&news) {
                    Ok(line) => line,
                    Err(error) => return Some((Err(error.into()), None)),
                };
                line.push(b'\n');
                return Some((Ok(line.into()), Some(self)));
            }
            match timeout(self.ping_every, self.answer.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => {
                    let broken = io::Error::other("the generation is gone without an end");
                    return Some((Err(broken), None));
                }
                Err(_) => return Some((Ok(Bytes::from_static(b"\n")), Some(self))),
            }
        }
    }
}
