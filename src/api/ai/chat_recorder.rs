//! Claims and saves answers with the functions of the database.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tokio::sync::watch;
use uuid::Uuid;

use super::attachments::FileLoader;
use super::call_recorder::CallRecorder;
use super::checkpoints::CheckpointWriter;
use super::follow_peer::Follow;
use super::hand_over::TakeOver;
use super::principal::Principal;
use super::remote_answer::Followers;
use super::request::ChatRequest;
use super::{begin_reply, call_seal, hand_over};
use crate::agent::tools::source::ToolFile;
use crate::agent::{
    Answer, BeginOutcome, CallEnd, Checkpoint, ClaimedCall, Credentials, HandOver, HandedOver,
    Recorder, Reserve, Save, Saved, SealedCall, Started, Status, StoredFile, ToolGrant, UsageLog,
};
use crate::api::chats::model::UNTITLED;
use crate::api::files::text::FileTexts;
use crate::api::files::{Files, Owner, ToolCallSource};
use crate::clock::Clock;
use crate::database::{self, BeginReply};
use crate::memory::{Held, json_cost};
use crate::providers::{ChosenModel, Content, ProviderName, Providers};
use crate::seal::SealKeys;
use crate::supabase::{Caller, Supabase, SupabaseError};

/// A history is held as it was read, as the model's turns, and as the request to the provider.
const COPIES: usize = 3;

/// Records one answer in a chat.
pub(super) struct ChatRecorder {
    pub(super) supabase: Supabase,
    pub(super) checkpoints: CheckpointWriter,
    pub(super) files: Files,
    pub(super) texts: FileTexts,
    pub(super) providers: Providers,
    pub(super) clock: Clock,
    pub(super) chat_id: Uuid,
    /// The assistant message.
    pub(super) message_id: Uuid,
    /// The secret that owns the row.
    pub(super) run: Uuid,
    /// What is asked, until the chat is claimed: an answer may wait for its model for long.
    pub(super) request: Mutex<Option<Arc<ChatRequest>>>,
    /// The message to continue; none for a new one.
    pub(super) continues: Option<Uuid>,
    /// The memory that the request is charged to.
    pub(super) held: Held,
    /// Whether to create the chat if it does not exist.
    pub(super) create_chat: bool,
    pub(super) reserve: Reserve,
    pub(super) queue: Arc<QueueReply>,
    pub(super) followers: Followers,
    /// What calls that wait for a decision are sealed with.
    pub(super) seal_keys: Option<SealKeys>,
    /// Whose answer it is to go on with; none for a new one.
    pub(super) take_over: Option<Box<TakeOver>>,
}

/// What the claim has said of messages that wait.
#[derive(Debug, Default)]
pub(super) struct QueueReply {
    /// The call's own message, if it waits.
    pub(super) message: OnceLock<Box<RawValue>>,
    /// Whether others wait for this answer's end.
    pub(super) has_others: AtomicBool,
}

impl Recorder for ChatRecorder {
    fn begin<'a>(
        &'a self,
        credentials: &'a Credentials,
    ) -> BoxFuture<'a, Result<BeginOutcome, SupabaseError>> {
        async move {
            let token = credentials.token();
            let rest = self.supabase.rest(Caller::User(&token));
            let asked = self.request().clone();
            let asked = asked.ok_or_else(|| SupabaseError::unreadable("a chat is claimed once"))?;
            let begin = match (&self.take_over, self.continues) {
                (Some(from), _) => database::request(rest, &self.take_over_generation(from)),
                (None, Some(message_id)) => {
                    database::request(rest, &self.continue_generation(message_id, &asked))
                }
                (None, None) => database::request(rest, &self.begin_generation(&asked)),
            };
            let reply = begin.rows().await?.body;
            self.held.grow(COPIES * json_cost(&reply))?;
            let reply = begin_reply::parse(reply).await?;
            self.held.shrink(COPIES * begin_reply::overcharge(&reply));
            match &reply {
                BeginReply::Queued(message) => drop(self.queue.message.set(message.clone())),
                BeginReply::Started(started) => {
                    self.queue.has_others.store(started.has_queue, Ordering::Relaxed);
                }
                _ => {}
            }
            let mut outcome = begin_reply::outcome(reply)?;
            if let BeginOutcome::Started(started) = &mut outcome {
                *self.request() = None;
                if let Some(from) = &self.take_over {
                    from.complete(&mut started.earlier);
                }
            }
            Ok(outcome)
        }
        .boxed()
    }

    fn begins_anew(&self) -> bool {
        self.take_over.is_none() && self.continues.is_none()
    }

    fn load_files<'a>(
        &'a self,
        credentials: &'a Credentials,
        started: &'a mut Started,
        tools: &'a [String],
    ) -> BoxFuture<'a, ()> {
        async move {
            if let Ok(model) = self.providers.choose(started.model.as_deref()) {
                let loader = self.file_loader(credentials, &model);
                loader.load_history(&mut started.history, tools).await;
            }
        }
        .boxed()
    }

    fn sign_files<'a>(
        &'a self,
        credentials: &'a Credentials,
        files: &'a [Uuid],
    ) -> BoxFuture<'a, Vec<(Uuid, String)>> {
        async move {
            let owner = Owner::from(credentials);
            let signed = match self.files.get_many(&owner, files).await {
                Ok(known) => self.files.signed(&owner, known).await,
                Err(error) => Err(error),
            };
            let signed = signed.unwrap_or_else(|error| {
                tracing::warn!(
                    "files that a tool has made are shown when they are read: {error:?}"
                );
                Vec::new()
            });
            signed.into_iter().filter_map(|file| Some((file.id, file.url?))).collect()
        }
        .boxed()
    }

    fn load_pictures<'a>(
        &'a self,
        credentials: &'a Credentials,
        files: &'a [Uuid],
        model: &'a ChosenModel,
    ) -> BoxFuture<'a, HashMap<Uuid, Content>> {
        async move { self.file_loader(credentials, model).load_pictures(files).await }.boxed()
    }

    fn checkpoint<'a>(
        &'a self,
        credentials: &'a Credentials,
        checkpoint: Checkpoint,
    ) -> BoxFuture<'a, Result<Saved, SupabaseError>> {
        self.checkpoints.save(credentials, self.run, checkpoint).boxed()
    }

    fn save<'a>(
        &'a self,
        credentials: &'a Credentials,
        save: &'a Save,
    ) -> BoxFuture<'a, Result<Saved, SupabaseError>> {
        async move {
            let principal = Principal::new(credentials, &self.supabase, &self.clock);
            let rest = self.supabase.rest(principal.caller());
            let save = self.save_generation(save, principal.user_id);
            let reply = database::call(rest, &save).await?;
            let status = reply.message.as_deref().and_then(status);
            Ok(Saved {
                is_owned: reply.owned,
                stop_requested: reply.stop_requested,
                over_limit: None,
                status,
                message: reply.message,
            })
        }
        .boxed()
    }

    fn save_title<'a>(
        &'a self,
        credentials: &'a Credentials,
        title: &'a str,
    ) -> BoxFuture<'a, Result<bool, SupabaseError>> {
        async move {
            let principal = Principal::new(credentials, &self.supabase, &self.clock);
            let chats = self.supabase.rest(principal.caller()).from("chats");
            let untitled = chats.eq("id", self.chat_id).eq("user_id", credentials.user_id);
            let untitled = untitled.eq("title", UNTITLED).select("id");
            let named = untitled.update(&json!({ "title": title })).rows().await?;
            Ok(!named.is_empty())
        }
        .boxed()
    }

    fn refuse_files<'a>(
        &'a self,
        credentials: &'a Credentials,
        provider: &'a ProviderName,
        files: &'a [Uuid],
    ) -> BoxFuture<'a, ()> {
        async move {
            let owner = Owner::from(credentials);
            if let Err(error) = self.files.refuse(&owner, files, provider.as_str()).await {
                tracing::warn!("files that a provider cannot read are sent again: {error:?}");
            }
        }
        .boxed()
    }

    fn store_files<'a>(
        &'a self,
        credentials: &'a Credentials,
        call_id: &'a str,
        files: Vec<ToolFile>,
    ) -> BoxFuture<'a, Vec<StoredFile>> {
        let owner = Owner::from(credentials);
        let source = ToolCallSource { chat_id: self.chat_id, message_id: self.message_id, call_id };
        async move { self.files.store_tool_files(&owner, &source, files).await }.boxed()
    }

    fn hand_over<'a>(
        &'a self,
        credentials: &'a Credentials,
        hand_over: HandOver,
    ) -> BoxFuture<'a, HandedOver> {
        let take_over = TakeOver::new(self.run, hand_over);
        let key = (self.chat_id, self.message_id);
        async move { hand_over::send(self.followers.peers(), key, credentials, &take_over).await }
            .boxed()
    }

    fn follow<'a>(
        &'a self,
        credentials: &'a Arc<Credentials>,
        answer: watch::Sender<Answer>,
    ) -> BoxFuture<'a, ()> {
        let (chat_id, message_id) = (self.chat_id, self.message_id);
        let follow = Follow { chat_id, message_id, credentials: credentials.clone(), answer };
        self.followers.follow_handed_over(follow).boxed()
    }

    fn seal(&self, user: Uuid, call: &SealedCall<'_>) -> Result<String, &'static str> {
        let keys = self.seal_keys.as_ref().ok_or("this server has no SEAL_KEY")?;
        let key = (self.chat_id, self.message_id);
        Ok(call_seal::seal_call(keys, user, key, call, self.clock.now()))
    }

    fn grants<'a>(
        &'a self,
        credentials: &'a Credentials,
    ) -> BoxFuture<'a, Result<Vec<ToolGrant>, SupabaseError>> {
        self.calls(credentials).grants().boxed()
    }

    fn claim_call<'a>(
        &'a self,
        credentials: &'a Credentials,
        call_id: &'a str,
    ) -> BoxFuture<'a, Result<ClaimedCall, SupabaseError>> {
        self.calls(credentials).claim(call_id).boxed()
    }

    fn finish_call<'a>(
        &'a self,
        credentials: &'a Credentials,
        call_id: &'a str,
        end: CallEnd,
        outcome: &'a Value,
    ) -> BoxFuture<'a, Result<bool, SupabaseError>> {
        self.calls(credentials).finish(call_id, end, outcome).boxed()
    }

    fn save_usage<'a>(
        &'a self,
        credentials: &'a Credentials,
        usage: &'a UsageLog,
    ) -> BoxFuture<'a, Result<(), SupabaseError>> {
        let principal = Principal::new(credentials, &self.supabase, &self.clock);
        let run = Uuid::new_v4();
        async move { principal.record_usage(&self.supabase, run, self.chat_id, usage).await }
            .boxed()
    }
}

impl ChatRecorder {
    fn file_loader<'a>(
        &'a self,
        credentials: &Credentials,
        model: &'a ChosenModel,
    ) -> FileLoader<'a> {
        let owner = Owner::from(credentials);
        FileLoader { files: &self.files, texts: &self.texts, owner, model, held: &self.held }
    }

    fn request(&self) -> MutexGuard<'_, Option<Arc<ChatRequest>>> {
        self.request.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn calls<'a>(&'a self, credentials: &'a Credentials) -> CallRecorder<'a> {
        CallRecorder {
            supabase: &self.supabase,
            principal: Principal::new(credentials, &self.supabase, &self.clock),
            user: credentials.user_id,
            chat_id: self.chat_id,
            message_id: self.message_id,
            run: self.run,
            seal_keys: self.seal_keys.as_ref(),
            now: self.clock.now(),
        }
    }
}

fn status(message: &RawValue) -> Option<Status> {
    #[derive(Deserialize)]
    struct Row {
        status: String,
    }
    serde_json::from_str::<Row>(message.get()).ok().and_then(|row| Status::parse(&row.status))
}
