//! Follows an answer that another replica writes: there where it is written, or else by reading what is new
//! of what is saved. Listeners to one message share one reader.

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

use super::follow_peer::{Follow, FollowedThere};
use crate::agent::{
    self, Answer, Claim, Credentials, End, Failure, Part, Rows, Status, TokenRefresher, TokenUsage,
};
use crate::database::{self, FollowAnswer, Followed};
use crate::http::auth::CurrentUser;
use crate::peers::Peers;
use crate::supabase::{Caller, Supabase, SupabaseError};

/// How often what is new is read.
const POLL_INTERVAL: Duration = Duration::from_millis(700);
/// The number of consecutive failures after which the stream ends.
const MAX_FAILURES: u32 = 20;
/// After how many reads the other replicas are asked again, and after one of them has broken off.
const ASK_AGAIN: u32 = 8;
const ASK_SOON: u32 = 1;

/// The answers that are followed here. Clones share them.
#[derive(Clone)]
pub(super) struct Followers {
    supabase: Supabase,
    peers: Option<Peers>,
    refresher: TokenRefresher,
    by_message: Arc<Mutex<HashMap<Uuid, watch::Receiver<Answer>>>>,
}

impl Followers {
    pub(super) fn new(supabase: Supabase, peers: Option<Peers>, refresher: TokenRefresher) -> Self {
        Self { supabase, peers, refresher, by_message: Arc::default() }
    }

    /// The answer as it is saved, followed to its end.
    pub(super) fn follow(
        &self,
        chat_id: Uuid,
        rows: &Rows,
        user: &CurrentUser,
    ) -> watch::Receiver<Answer> {
        let message_id = rows.message_id;
        let mut by_message = self.lock();
        if let Some(answer) = by_message.get(&message_id) {
            return answer.clone();
        }
        let (answer, receiver) = watch::channel(answer(rows, Claim::Elsewhere(rows.clone())));
        by_message.insert(message_id, receiver.clone());
        let this = self.clone();
        let credentials = Credentials::new(user.id, user.token.clone(), user.expires_at);
        let fresh = self.refresher.register(&credentials);
        let follow = Follow { chat_id, message_id, credentials, answer };
        tokio::spawn(async move {
            let _fresh = fresh;
            if this.follow_to_end(&follow).await {
                remove(&mut this.lock(), &follow);
            }
        });
        receiver
    }

    /// Shows the listeners of an answer of this replica what another one makes of it, to its end or as long
    /// as there are any.
    pub(super) async fn follow_handed_over(&self, follow: Follow) {
        self.follow_to_end(&follow).await;
    }

    /// The other replicas, where there are any.
    pub(super) fn peers(&self) -> Option<&Peers> {
        self.peers.as_ref()
    }

    /// Gives a message up that nobody follows any more. Whoever comes after that begins anew.
    fn is_abandoned(&self, follow: &Follow) -> bool {
        let mut by_message = self.lock();
        let is_abandoned = follow.is_unobserved();
        if is_abandoned {
            remove(&mut by_message, follow);
        }
        is_abandoned
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Uuid, watch::Receiver<Answer>>> {
        self.by_message.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Follows to the end, or until that is impossible; false when it was given up before.
    async fn follow_to_end(&self, follow: &Follow) -> bool {
        let mut saved = SavedAnswer::default();
        let (mut failures, mut reads_until_asking) = (0, 0);
        while !follow.is_at_end() {
            if let Some(peers) = self.peers.as_ref().filter(|_| reads_until_asking == 0) {
                match follow.there(peers).await {
                    FollowedThere::ToEnd => return true,
                    FollowedThere::BrokenOff => reads_until_asking = ASK_SOON,
                    FollowedThere::Nowhere => reads_until_asking = ASK_AGAIN,
                    FollowedThere::Unobserved if self.is_abandoned(follow) => return false,
                    // Somebody has come meanwhile.
                    FollowedThere::Unobserved => continue,
                }
            }
            reads_until_asking = reads_until_asking.saturating_sub(1);
            sleep(POLL_INTERVAL).await;
            if self.is_abandoned(follow) {
                return false;
            }
            match self.read(follow, saved.checkpoint).await {
                Ok(None) => {
                    give_up(follow, Failure::Lost);
                    return true;
                }
                Ok(Some(news)) => {
                    failures = 0;
                    saved.add(news, follow);
                }
                Err(error) => {
                    failures += 1;
                    warn!("a followed answer could not be read: {error}");
                    if failures >= MAX_FAILURES {
                        give_up(follow, error.into());
                        return true;
                    }
                }
            }
        }
        true
    }

    /// What was saved after a checkpoint; none if the message is gone.
    async fn read(&self, follow: &Follow, after: u32) -> Result<Option<Followed>, SupabaseError> {
        let token = follow.credentials.token();
        let rest = self.supabase.rest(Caller::User(&token));
        let read = FollowAnswer { p_message_id: follow.message_id, p_after: after };
        database::call(rest, &read).await
    }
}

/// Ends what the listeners read, though the answer may go on: they are sent why, and can come back.
fn give_up(follow: &Follow, failure: Failure) {
    let end = End {
        status: Status::Failed,
        finish_reason: "error".to_owned(),
        usage: TokenUsage::default(),
        cost_usd: None,
        latency_ms: 0,
        failure: Some(failure),
        message: None,
    };
    follow.answer.send_modify(|answer| answer.end_as_shown(Some(Box::new(end))));
}

/// Removes this answer, but not another one of the same message.
fn remove(by_message: &mut HashMap<Uuid, watch::Receiver<Answer>>, follow: &Follow) {
    let own = follow.answer.subscribe();
    if by_message.get(&follow.message_id).is_some_and(|listed| listed.same_channel(&own)) {
        by_message.remove(&follow.message_id);
    }
}

/// What was read of an answer that is saved in pieces.
#[derive(Default)]
struct SavedAnswer {
    /// The checkpoint up to which it was read.
    checkpoint: u32,
    parts: Vec<Part>,
}

impl SavedAnswer {
    /// Shows what is new. More may have been shown before, by the replica that writes.
    fn add(&mut self, news: Followed, follow: &Follow) {
        let Followed { message, checkpoint, delta, model, provider } = news;
        if message.is_some() {
            follow.answer.send_modify(|answer| {
                let rows = Rows { message_id: follow.message_id, message, user_message: None };
                let stored = self::answer(&rows, Claim::Elsewhere(rows.clone()));
                if stored.end.is_some() {
                    answer.end_as_saved(stored);
                } else {
                    answer.catch_up(&stored.parts);
                }
            });
            *self = Self::default();
            return;
        }
        // What is missing is read with the whole the next time.
        let is_whole = agent::apply(&mut self.parts, delta);
        self.checkpoint = if is_whole { checkpoint } else { 0 };
        follow.answer.send_modify(|answer| {
            answer.catch_up(&self.parts);
            for (name, value) in [("model", model), ("provider", provider)] {
                answer.metadata.extend(value.map(|value| (name.to_owned(), value.into())));
            }
        });
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
    let row: MessageRow = serde_json::from_str(json).unwrap_or_else(|error| {
        // Its user may have changed the row. An answer without an end would be waited for.
        let is_there = rows.message.is_some();
        if is_there {
            warn!("a stored answer cannot be read: {error}");
        }
        let status = if is_there { Status::Failed.as_str() } else { "" };
        MessageRow { status: status.to_owned(), ..MessageRow::default() }
    });
    let status = Status::parse(&row.status);
    let latency_ms = row.metadata.get("latency_ms").and_then(Value::as_u64).unwrap_or_default();
    let end = status.map(|status| End {
        status,
        finish_reason: row.finish_reason.unwrap_or_default(),
        usage: row.usage.unwrap_or_default(),
        cost_usd: row.cost_usd.map(crate::providers::catalogue::Usd::from_f64),
        latency_ms,
        failure: matches!(status, Status::Failed | Status::Interrupted)
            .then(|| Failure::from_metadata(&row.metadata)),
        message: rows.message.clone(),
    });
    Answer::stored(claim, row.metadata, row.parts, end)
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;
    use tokio::net::TcpListener;

    use super::*;
    use crate::clock::Clock;
    use crate::config::Project;
    use crate::http::error::for_end;
    use crate::supabase::AccessToken;

    /// Who follows at this address, the user that they follow for, and the answer.
    fn follower(url: String, refresher: TokenRefresher) -> (Followers, CurrentUser, Rows) {
        let project = Project {
            public_url: url.clone(),
            url,
            anon_key: "sb_publishable_test".into(),
            service_role_key: None,
            jwt_secret: None,
        };
        let supabase = Supabase::new(&project, Duration::from_secs(1), Clock::System).unwrap();
        let user = CurrentUser {
            id: Uuid::nil(),
            token: AccessToken::new("token"),
            expires_at: 1,
            is_anonymous: false,
            plan: None,
            role: None,
        };
        let message = r#"{"parts": [{"type": "text", "text": "Hel", "state": "streaming"}], "status": "streaming"}"#;
        let message = Some(RawValue::from_string(message.to_owned()).unwrap());
        let rows = Rows { message_id: Uuid::nil(), message, user_message: None };
        (Followers::new(supabase, None, refresher), user, rows)
    }

    #[tokio::test(start_paused = true)]
    async fn a_listener_is_sent_why_an_answer_cannot_be_followed() {
        let url = "http://127.0.0.1:9".to_owned();
        let (followers, user, rows) = follower(url, TokenRefresher::default());
        let mut answer = followers.follow(Uuid::nil(), &rows, &user);
        let ended = answer.wait_for(|answer| answer.end.is_some()).await.unwrap();
        assert_eq!(for_end(ended.end.as_ref().unwrap()).code(), "supabase_unreachable");
        let text = "Hel".to_owned();
        assert_eq!(ended.parts, [Part::Text { text, done: true, opaque: None }]);
    }

    #[tokio::test]
    async fn who_listens_for_long_reads_with_a_fresher_token() {
        let database = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let refresher = TokenRefresher::default();
        let url = format!("http://{}", database.local_addr().unwrap());
        let (followers, user, rows) = follower(url, refresher.clone());
        let _answer = followers.follow(Uuid::nil(), &rows, &user);
        refresher.refresh(user.id, &AccessToken::new("fresher"), 2);
        let (mut request, _) = database.accept().await.unwrap();
        let mut head = vec![0; 4096];
        let length = request.read(&mut head).await.unwrap();
        let head = String::from_utf8_lossy(&head[..length]);
        assert!(head.contains("Bearer fresher"), "{head}");
    }
}
