//! Follows and stops answers there where they are written, on another replica.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tracing::{debug, warn};
use uuid::Uuid;

use crate::agent::{Answer, AnswerNews, Credentials};
use crate::peers::{PeerError, Peers, Question};
use crate::supabase::AccessToken;

/// The longest line, and the most that is read of one answer, in bytes: its parts with the results of its
/// tools, and the stored message once more.
const MAX_LINE: usize = 64 << 20;
const MAX_BYTES: usize = 128 << 20;
/// How long the owner of an answer may take to end it.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// An answer that is followed.
pub(super) struct Follow {
    pub(super) chat_id: Uuid,
    pub(super) message_id: Uuid,
    /// Those of the first who has asked for it.
    pub(super) credentials: Arc<Credentials>,
    pub(super) answer: watch::Sender<Answer>,
}

/// One receiver of each answer is that of a list.
const KEPT: usize = 1;

/// How far an answer could be followed on another replica.
pub(super) enum FollowedThere {
    ToEnd,
    /// It had begun.
    BrokenOff,
    /// None writes it, or none that can be reached.
    Nowhere,
    /// Nobody listens any more.
    Unobserved,
}

impl Follow {
    /// Whether nobody listens.
    pub(super) fn is_unobserved(&self) -> bool {
        self.answer.receiver_count() <= KEPT
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.answer.borrow().end.is_some()
    }

    /// Follows the answer on the replica that writes it.
    pub(super) async fn there(&self, peers: &Peers) -> FollowedThere {
        let (chat_id, message_id) = (self.chat_id, self.message_id);
        let Some(link) = peers.find(&Question::Writes { chat_id, message_id }).await else {
            return FollowedThere::Nowhere;
        };
        let path = format!("/internal/peers/follow/{chat_id}/{message_id}");
        match link.send(&path, &self.credentials.token(), Vec::new(), Duration::ZERO).await {
            Ok(response) => self.read(response).await.unwrap_or_else(|error| {
                debug!("an answer is followed no longer on another replica: {error}");
                FollowedThere::BrokenOff
            }),
            Err(error) => {
                debug!("an answer cannot be followed on another replica: {error}");
                FollowedThere::Nowhere
            }
        }
    }

    async fn read(&self, mut response: reqwest::Response) -> Result<FollowedThere, PeerError> {
        let (mut unread, mut bytes) = (Vec::new(), 0);
        while let Some(piece) = response.chunk().await? {
            bytes += piece.len();
            unread.extend_from_slice(&piece);
            if unread.len() > MAX_LINE || bytes > MAX_BYTES {
                return Err(PeerError::Unreadable);
            }
            // Only what has just come can end a line.
            let Some(end) = piece.iter().rposition(|byte| *byte == b'\n') else { continue };
            let rest = unread.split_off(unread.len() - piece.len() + end + 1);
            let lines = std::mem::replace(&mut unread, rest);
            self.show(&lines)?;
            if self.is_at_end() {
                return Ok(FollowedThere::ToEnd);
            }
            if self.is_unobserved() {
                return Ok(FollowedThere::Unobserved);
            }
        }
        Ok(FollowedThere::BrokenOff)
    }

    /// Shows what has come, as far as nothing is missing.
    fn show(&self, lines: &[u8]) -> Result<(), PeerError> {
        for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let news: AnswerNews =
                serde_json::from_slice(line).map_err(|_| PeerError::Unreadable)?;
            let mut is_whole = true;
            self.answer.send_modify(|answer| is_whole = answer.add(news));
            if !is_whole {
                return Err(PeerError::Unreadable);
            }
        }
        Ok(())
    }
}

/// Stops an answer on the replica that writes it; whether it has ended.
pub(super) async fn stop_there(
    peers: &Peers,
    chat_id: Uuid,
    message_id: Uuid,
    token: &AccessToken,
) -> bool {
    let Some(link) = peers.find(&Question::Writes { chat_id, message_id }).await else {
        return false;
    };
    let path = format!("/internal/peers/stop/{chat_id}/{message_id}");
    match link.send(&path, token, Vec::new(), STOP_TIMEOUT).await {
        Ok(_) => true,
        Err(error) => {
            warn!("an answer could not be stopped on another replica: {error}");
            false
        }
    }
}
