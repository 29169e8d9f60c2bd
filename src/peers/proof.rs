//! What replicas say to one another to prove that they know the key.

use reqwest::header::HeaderName;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::addresses::Reached;
use crate::seal::{Purpose, SealKeys, sha256};

/// How the paths of all that replicas answer to one another begin.
pub const PREFIX: &str = "/internal/peers/";
/// Where they prove that they know the key.
pub(super) const HELLO: &str = "/internal/peers/hello";
/// The header with the proof of a request.
pub(super) const PROOF: HeaderName = HeaderName::from_static("x-peer-proof");

/// For how many seconds a hello is good, before and after its time.
pub(super) const GOOD_FOR_S: i64 = 30;

/// What a replica is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Question {
    /// Whether it writes this message.
    Writes {
        /// The chat of the message.
        chat_id: Uuid,
        /// The message.
        message_id: Uuid,
    },
    /// Whether it would go on with an answer of a replica that is being stopped.
    TakesOver,
}

/// A question, and a nonce that the reply has to name.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Hello {
    pub(super) nonce: Uuid,
    /// In seconds since 1970.
    pub(super) time: i64,
    pub(super) reached: Reached,
    pub(super) question: Question,
    seal: String,
}

/// The reply, and a challenge that the request has to name.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Welcome {
    pub(super) challenge: Uuid,
    /// Who replies: a replica that has reached itself notices it by this.
    pub(super) replica: Uuid,
    pub(super) yes: bool,
    seal: String,
}

impl Hello {
    pub(super) fn new(keys: &SealKeys, time: i64, reached: Reached, question: Question) -> Self {
        let mut hello =
            Self { nonce: Uuid::new_v4(), time, reached, question, seal: String::new() };
        hello.seal = keys.seal(Purpose::PeerHello, &[&hello.fields()]);
        hello
    }

    /// Whether it was sealed with the key, for this time.
    pub(super) fn is_good(&self, keys: &SealKeys, now: i64) -> bool {
        self.time.abs_diff(now) <= GOOD_FOR_S.unsigned_abs()
            && keys.verify(Purpose::PeerHello, &[&self.fields()], &self.seal)
    }

    fn fields(&self) -> Vec<u8> {
        // What cannot be written cannot have come either.
        serde_json::to_vec(&(self.nonce, self.time, &self.reached, &self.question))
            .unwrap_or_default()
    }
}

impl Welcome {
    pub(super) fn new(
        keys: &SealKeys,
        hello: &Hello,
        challenge: Uuid,
        replica: Uuid,
        yes: bool,
    ) -> Self {
        let mut welcome = Self { challenge, replica, yes, seal: String::new() };
        welcome.seal = keys.seal(Purpose::PeerWelcome, &[&welcome.fields(hello)]);
        welcome
    }

    /// Whether it replies to this hello and was sealed with the key.
    pub(super) fn is_good(&self, keys: &SealKeys, hello: &Hello) -> bool {
        keys.verify(Purpose::PeerWelcome, &[&self.fields(hello)], &self.seal)
    }

    fn fields(&self, hello: &Hello) -> Vec<u8> {
        serde_json::to_vec(&(hello.nonce, &hello.reached, self.challenge, self.replica, self.yes))
            .unwrap_or_default()
    }
}

/// A request that follows a hello and its reply.
pub(super) struct PeerRequest<'a> {
    pub(super) nonce: Uuid,
    pub(super) challenge: Uuid,
    /// The path with its query.
    pub(super) path: &'a str,
    /// The header `Authorization`.
    pub(super) authorization: &'a [u8],
    pub(super) body: &'a [u8],
}

impl PeerRequest<'_> {
    /// The proof that comes with it: the nonce of the hello, and a seal.
    pub(super) fn proof(&self, keys: &SealKeys) -> String {
        let seal = self.with_fields(|fields| keys.seal(Purpose::PeerRequest, fields));
        format!("{}.{seal}", self.nonce)
    }

    /// Whether this seal proves it.
    pub(super) fn is_proven_by(&self, keys: &SealKeys, seal: &str) -> bool {
        self.with_fields(|fields| keys.verify(Purpose::PeerRequest, fields, seal))
    }

    fn with_fields<T>(&self, use_fields: impl FnOnce(&[&[u8]]) -> T) -> T {
        let (authorization, body) = (sha256(self.authorization), sha256(self.body));
        use_fields(&[
            self.nonce.as_bytes(),
            self.challenge.as_bytes(),
            self.path.as_bytes(),
            authorization.as_ref(),
            body.as_ref(),
        ])
    }
}

/// The nonce and the seal of a proof.
pub(super) fn read_proof(proof: &str) -> Option<(Uuid, &str)> {
    let (nonce, seal) = proof.split_once('.')?;
    Some((nonce.parse().ok()?, seal))
}
