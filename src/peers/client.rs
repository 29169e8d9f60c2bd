//! Asks the other replicas.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, Response};
use thiserror::Error;
use tokio::time::{error::Elapsed, timeout};
use tracing::{debug, warn};
use uuid::Uuid;

use super::addresses::{Addresses, Peer, Reached};
use super::proof::{HELLO, Hello, PROOF, PeerRequest, Question, Welcome};
use crate::clock::Clock;
use crate::config::{PeerList, PeerTimeouts};
use crate::seal::SealKeys;
use crate::supabase::AccessToken;

/// The longest reply to a hello, in bytes.
const MAX_WELCOME_BYTES: usize = 4 << 10;

/// The other replicas. Clones share connections.
#[derive(Clone)]
pub struct Peers {
    inner: Arc<Inner>,
}

struct Inner {
    addresses: Addresses,
    keys: SealKeys,
    clock: Clock,
    timeouts: PeerTimeouts,
    http: Client,
    /// Which replica this one is.
    replica: Uuid,
}

/// Why another replica did not do what it was asked.
#[derive(Debug, Error)]
pub enum PeerError {
    /// It cannot be reached, or its answer broke off.
    #[error("another replica cannot be reached: {0}")]
    Unreachable(#[from] reqwest::Error),
    /// It took too long.
    #[error("another replica took too long")]
    Timeout(#[from] Elapsed),
    /// It refused.
    #[error("another replica answered {0}")]
    Refused(u16),
    /// It has not proven that it is a replica.
    #[error("what answers at {0} does not know SEAL_KEY, or was reached by a detour")]
    Unproven(String),
    /// What it sent cannot be read.
    #[error("another replica sent something unreadable")]
    Unreadable,
}

impl Peers {
    /// The replicas of this list.
    pub fn new(
        list: PeerList,
        keys: SealKeys,
        timeouts: PeerTimeouts,
        clock: Clock,
    ) -> Result<Self, PeerError> {
        let http = Client::builder()
            .no_proxy()
            // What is small must not wait to be compressed.
            .no_gzip()
            // A user's token goes where it was sent to.
            .redirect(Policy::none())
            .connect_timeout(timeouts.answer)
            .read_timeout(timeouts.silence)
            .build()?;
        let (addresses, replica) = (Addresses::new(list), Uuid::new_v4());
        let inner = Inner { addresses, keys, clock, timeouts, http, replica };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The first of the other replicas that says yes. All are asked at once.
    pub async fn find(&self, question: &Question) -> Option<Link> {
        let others = self.inner.addresses.others().await;
        let mut asked: FuturesUnordered<_> =
            others.into_iter().map(|peer| self.ask(peer, question.clone())).collect();
        while let Some(answer) = asked.next().await {
            match answer {
                Ok(Some(link)) => return Some(link),
                Ok(None) => {}
                Err(error @ PeerError::Unproven(_)) => warn!("PEERS: {error}"),
                Err(error) => debug!("PEERS: {error}"),
            }
        }
        None
    }

    /// A link to this replica if it says yes.
    async fn ask(&self, peer: Peer, question: Question) -> Result<Option<Link>, PeerError> {
        let inner = &self.inner;
        let now = inner.clock.unix_seconds();
        let hello = Hello::new(&inner.keys, now, peer.reached.clone(), question);
        let body = serde_json::to_vec(&hello).map_err(|_| PeerError::Unreadable)?;
        let request = self.request(&peer, HELLO, body);
        let welcome = async {
            let response = request.send().await?;
            match response.status().as_u16() {
                200 => read(response, MAX_WELCOME_BYTES).await,
                status => Err(PeerError::Refused(status)),
            }
        };
        let welcome = timeout(inner.timeouts.answer, welcome).await??;
        let welcome: Welcome =
            serde_json::from_slice(&welcome).map_err(|_| PeerError::Unreadable)?;
        if !welcome.is_good(&inner.keys, &hello) {
            return Err(PeerError::Unproven(peer.origin));
        }
        if welcome.replica == inner.replica {
            inner.addresses.is_own(peer);
            return Ok(None);
        }
        let (nonce, challenge) = (hello.nonce, welcome.challenge);
        Ok(welcome.yes.then(|| Link { peers: self.clone(), peer, nonce, challenge }))
    }

    fn request(&self, peer: &Peer, path: &str, body: Vec<u8>) -> RequestBuilder {
        let request = self.inner.http.post(format!("{}{path}", peer.origin)).body(body);
        let request = request.header(CONTENT_TYPE, "application/json");
        match &peer.reached {
            Reached::Name(name) => request.header(HOST, name),
            Reached::Address(_) | Reached::Certificate(_) => request,
        }
    }

    /// How this replica proves itself, with the same keys.
    pub(super) fn identity(&self) -> (&SealKeys, &Clock, Uuid) {
        (&self.inner.keys, &self.inner.clock, self.inner.replica)
    }

    /// How often an answer that is followed says something, so that its follower knows that it is alive.
    pub fn ping_every(&self) -> Duration {
        self.inner.timeouts.silence / 3
    }
}

/// A replica that has said yes, for one request.
pub struct Link {
    peers: Peers,
    peer: Peer,
    nonce: Uuid,
    challenge: Uuid,
}

impl Link {
    /// Sends a request for a user, whose answer may take this much longer than replicas take to answer.
    pub async fn send(
        self,
        path: &str,
        token: &AccessToken,
        body: Vec<u8>,
        patience: Duration,
    ) -> Result<Response, PeerError> {
        let inner = &self.peers.inner;
        let authorization = format!("Bearer {}", token.expose_secret());
        let request = PeerRequest {
            nonce: self.nonce,
            challenge: self.challenge,
            path,
            authorization: authorization.as_bytes(),
            body: &body,
        };
        let proof = request.proof(&inner.keys);
        let mut authorization =
            HeaderValue::try_from(&authorization).map_err(|_| PeerError::Unreadable)?;
        authorization.set_sensitive(true);
        let request = self.peers.request(&self.peer, path, body).header(PROOF, proof);
        let request = request.header(AUTHORIZATION, authorization).send();
        let response = timeout(inner.timeouts.answer + patience, request).await??;
        match response.status().as_u16() {
            200..300 => Ok(response),
            status => Err(PeerError::Refused(status)),
        }
    }
}

/// Reads a body that may not be longer than this.
async fn read(mut response: Response, most: usize) -> Result<Vec<u8>, PeerError> {
    let mut body = Vec::new();
    while let Some(piece) = response.chunk().await? {
        if body.len() + piece.len() > most {
            return Err(PeerError::Unreadable);
        }
        body.extend_from_slice(&piece);
    }
    Ok(body)
}
