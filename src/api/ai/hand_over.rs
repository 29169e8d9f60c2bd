//! Answers with which another replica goes on, because theirs is being stopped: what it is sent.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tracing::{debug, warn};
use uuid::Uuid;

use crate::agent::{Credentials, Earlier, HandOver, HandedOver, Options};
use crate::peers::{PeerError, Peers, Question};

/// How long the other replica may take to claim the answer.
const PATIENCE: Duration = Duration::from_secs(4);

/// An answer that is to be taken over.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct TakeOver {
    /// The secret that owns the row.
    run: Uuid,
    #[serde(flatten)]
    hand_over: HandOver,
}

impl TakeOver {
    pub(super) fn new(run: Uuid, hand_over: HandOver) -> Self {
        Self { run, hand_over }
    }

    pub(super) fn run(&self) -> Uuid {
        self.run
    }

    pub(super) fn assistant(&self) -> Option<&str> {
        self.hand_over.assistant.as_deref()
    }

    pub(super) fn options(&self) -> Options {
        self.hand_over.options.clone()
    }

    pub(super) fn tools(&self) -> Vec<String> {
        self.hand_over.tools.clone()
    }

    /// Adds what the database does not know of the runs before.
    pub(super) fn complete(&self, earlier: &mut Earlier) {
        earlier.usage = Some(self.hand_over.usage);
        earlier.cost_usd = self.hand_over.cost_usd;
        earlier.is_visible = true;
    }
}

/// Has another replica take the answer over.
pub(super) async fn send(
    peers: Option<&Peers>,
    (chat_id, message_id): (Uuid, Uuid),
    credentials: &Credentials,
    take_over: &TakeOver,
) -> HandedOver {
    let (Some(peers), Ok(body)) = (peers, serde_json::to_vec(take_over)) else {
        return HandedOver::Refused;
    };
    let Some(link) = peers.find(&Question::TakesOver).await else { return HandedOver::Refused };
    let path = format!("/internal/peers/take-over/{chat_id}/{message_id}");
    match link.send(&path, &credentials.token(), body, PATIENCE).await {
        Ok(_) => HandedOver::Taken,
        Err(error) if is_refusal(&error) => {
            debug!("an answer is not taken over: {error}");
            HandedOver::Refused
        }
        Err(error) => {
            warn!("whether an answer was taken over is not known: {error}");
            HandedOver::Unknown
        }
    }
}

/// Whether the other replica has certainly not begun.
fn is_refusal(error: &PeerError) -> bool {
    match error {
        PeerError::Refused(status) => (400..500).contains(status),
        PeerError::Unreachable(error) => error.is_connect(),
        PeerError::Unproven(_) => true,
        PeerError::Timeout(_) | PeerError::Unreadable => false,
    }
}
