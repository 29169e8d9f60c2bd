//! What a replica answers to the others. None of this is part of the API.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, HOST};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::time::timeout;

use super::addresses::Reached;
use super::challenges::Challenges;
use super::client::Peers;
use super::proof::{GOOD_FOR_S, Hello, PROOF, PeerRequest, Question, Welcome, read_proof};
use crate::agent::Generations;
use crate::http::addresses::PeerConnection;
use crate::http::error::ApiError;

/// The longest hello, in bytes, and the longest request after it.
const MAX_HELLO_BYTES: usize = 4 << 10;
const MAX_BODY_BYTES: usize = 1 << 20;
/// How long a body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(5);

/// Lets the other replicas in.
#[derive(Clone)]
pub struct PeerGate {
    peers: Peers,
    challenges: Arc<Challenges>,
    generations: Generations,
}

impl PeerGate {
    /// A gate for the replicas that have the keys of these.
    pub fn new(peers: Peers, generations: Generations) -> Self {
        let (_, clock, _) = peers.identity();
        let kept_for = Duration::from_secs(2 * GOOD_FOR_S.unsigned_abs());
        let challenges = Arc::new(Challenges::new(clock.clone(), kept_for));
        Self { peers, challenges, generations }
    }

    fn answer(&self, question: &Question) -> bool {
        match question {
            Question::Writes { chat_id, message_id } => {
                self.generations.writing(*chat_id, *message_id).is_some()
            }
            Question::TakesOver => !self.generations.is_draining(),
        }
    }

    /// Whether a request has the proof that it needs. The body is read only for who has a challenge.
    async fn prove(&self, request: Request) -> Result<Request, ApiError> {
        let (parts, body) = request.into_parts();
        let proof = parts.headers.get(PROOF).and_then(|proof| proof.to_str().ok());
        let (nonce, seal) = proof.and_then(read_proof).ok_or_else(refused)?;
        let challenge = self.challenges.take(nonce).ok_or_else(refused)?;
        let body = receive(body, MAX_BODY_BYTES).await?;
        let path = parts.uri.path_and_query().map_or("", |path| path.as_str());
        let authorization = parts.headers.get(AUTHORIZATION);
        let authorization = authorization.map_or(&[][..], |value| value.as_bytes());
        let asked = PeerRequest { nonce, challenge, path, authorization, body: &body };
        let (keys, ..) = self.peers.identity();
        if !asked.is_proven_by(keys, seal) {
            return Err(refused());
        }
        if let Some(connection) = parts.extensions.get::<PeerConnection>() {
            connection.exempt();
        }
        Ok(Request::from_parts(parts, Body::from(body)))
    }
}

/// Proves to another replica that this is one, and answers its question.
pub async fn hello(State(gate): State<PeerGate>, request: Request) -> Result<Response, ApiError> {
    let (parts, body) = request.into_parts();
    let body = receive(body, MAX_HELLO_BYTES).await?;
    let hello: Hello = serde_json::from_slice(&body).map_err(|_| refused())?;
    let (keys, clock, replica) = gate.peers.identity();
    let connection = parts.extensions.get::<PeerConnection>();
    if !hello.is_good(keys, clock.unix_seconds())
        || !was_reached(&hello.reached, &parts.headers, connection)
    {
        return Err(refused());
    }
    if let Some(connection) = connection {
        connection.exempt();
    }
    let challenge = gate.challenges.issue(hello.nonce).ok_or_else(refused)?;
    let yes = gate.answer(&hello.question);
    Ok(Json(Welcome::new(keys, &hello, challenge, replica, yes)).into_response())
}

/// Middleware that lets only replicas in, each time with a new proof.
pub async fn require_peer(
    State(gate): State<PeerGate>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    Ok(next.run(gate.prove(request).await?).await)
}

/// Whether what the other side says it has reached is this replica.
fn was_reached(
    reached: &Reached,
    headers: &HeaderMap,
    connection: Option<&PeerConnection>,
) -> bool {
    match reached {
        Reached::Address(address) => connection.is_some_and(|own| {
            let ip = own.local.ip().to_canonical();
            (ip, own.local.port()) == (address.ip().to_canonical(), address.port())
        }),
        Reached::Name(name) => {
            let host = headers.get(HOST).and_then(|host| host.to_str().ok());
            host.is_some_and(|host| host.eq_ignore_ascii_case(name))
        }
        Reached::Certificate(_) => true,
    }
}

async fn receive(body: Body, most: usize) -> Result<Vec<u8>, ApiError> {
    match timeout(BODY_TIMEOUT, to_bytes(body, most)).await {
        Ok(Ok(bytes)) => Ok(bytes.into()),
        Ok(Err(_)) | Err(_) => Err(refused()),
    }
}

fn refused() -> ApiError {
    ApiError::new(
        StatusCode::FORBIDDEN,
        "peer_refused",
        "This route is for the other replicas of this server, which prove that they know SEAL_KEY.",
    )
}
