//! Follows an answer that another replica writes, by reading what it saves. Listeners to one
//! message share one reader.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use tokio::sync::watch;
use tokio::time::sleep;
use tracing::warn;
use uuid::Uuid;

use crate::agent::{Answer, Claim, End, Failure, Part, Rows, Status, TokenUsage};
use crate::api::messages;
use crate::supabase::{AccessToken, Caller, Supabase, SupabaseError, SupabaseErrorKind};

/// How often the message is read.
const POLL_INTERVAL: Duration = Duration::from_millis(700);
/// The number of consecutive failures after which the stream ends.
const MAX_FAILURES: u32 = 20;

/// The answers that are followed here. Clones share them.
#[derive(Clone)]
pub(super) struct Followers {
    supabase: Supabase,
    by_message: Arc<Mutex<HashMap<Uuid, watch::Receiver<Answer>>>>,
}

impl Followers {
    pub(super) fn new(supabase: Supabase) -> Self {
        Self { supabase, by_message: Arc::default() }
    }

    /// The answer as it is saved, followed to its end.
    pub(super) fn follow(&self, rows: &Rows, token: &AccessToken) -> watch::Receiver<Answer> {
        let mut by_message = self.lock();
        if let Some(answer) = by_message.get(&rows.message_id) {
            return answer.clone();
        }
        let (sender, receiver) = watch::channel(answer(rows, Claim::Elsewhere(rows.clone())));
        by_message.insert(rows.message_id, receiver.clone());
        let (this, message_id, token) = (self.clone(), rows.message_id, token.clone());
        let rows = rows.clone();
        tokio::spawn(async move {
            if this.read_until_end(&rows, &token, &sender).await {
                this.lock().remove(&message_id);
            }
        });
        receiver
    }

    /// Gives a message up that nobody follows any more. Whoever comes after that begins anew.
    fn is_abandoned(&self, message_id: Uuid, answer: &watch::Sender<Answer>) -> bool {
        let mut by_message = self.lock();
        // One receiver is the map's.
        let is_abandoned = answer.receiver_count() <= 1;
        if is_abandoned {
            by_message.remove(&message_id);
        }
        is_abandoned
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Uuid, watch::Receiver<Answer>>> {
        self.by_message.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads until the end, or until it cannot be read; false when it was given up before.
    async fn read_until_end(
        &self,
        rows: &Rows,
        token: &AccessToken,
        answer: &watch::Sender<Answer>,
    ) -> bool {
        let mut failures = 0;
        while answer.borrow().end.is_none() {
            sleep(POLL_INTERVAL).await;
            if self.is_abandoned(rows.message_id, answer) {
                return false;
            }
            match self.read(rows, token).await {
                Ok(newer) => {
                    failures = 0;
                    answer.send_replace(newer);
                }
                Err(error) if error.kind == SupabaseErrorKind::NotOneRow => return true,
                Err(error) => {
                    failures += 1;
                    warn!("a followed answer could not be read: {error}");
                    if failures >= MAX_FAILURES {
                        return true;
                    }
                }
            }
        }
        true
    }

    async fn read(&self, rows: &Rows, token: &AccessToken) -> Result<Answer, SupabaseError> {
        let rest = self.supabase.rest(Caller::User(token));
        let query = rest.from("messages").eq("id", rows.message_id).select(messages::COLUMNS);
        let message: Box<RawValue> = serde_json::from_slice(&query.one().await?)?;
        let rows = Rows { message: Some(message), ..rows.clone() };
        Ok(answer(&rows, Claim::Elsewhere(rows.clone())))
    }
}

#[derive(Default, Deserialize)]
struct MessageRow {
    parts: Vec<Part>,
    status: String,
    finish_reason: Option<String>,
    usage: Option<TokenUsage>,
    cost_usd: Option<f64>,
    #[serde(default)]
    metadata: Map<String, Value>,
}

/// A stored answer in the form that listeners read.
pub(super) fn answer(rows: &Rows, claim: Claim) -> Answer {
    let json = rows.message.as_deref().map_or("null", RawValue::get);
    let row: MessageRow = serde_json::from_str(json).unwrap_or_default();
    let status = Status::parse(&row.status);
    let latency_ms = row.metadata.get("latency_ms").and_then(Value::as_u64).unwrap_or_default();
    let end = status.map(|status| End {
        status,
        finish_reason: row.finish_reason.unwrap_or_default(),
        usage: row.usage.unwrap_or_default(),
        cost_usd: row.cost_usd,
        latency_ms,
        failure: matches!(status, Status::Failed | Status::Interrupted)
            .then(|| Failure::from_metadata(&row.metadata)),
        message: rows.message.clone(),
    });
    Answer::stored(claim, row.metadata, row.parts, end)
}
