//! Where answers are claimed and saved. The agent defines what it needs; `ai` talks to the database.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use tokio::sync::watch;
use uuid::Uuid;

use super::credentials::Credentials;
use super::failure::Refusal;
use super::usage_log::UsageLog;
use crate::agent::Options;
use crate::agent::message::answer::{Answer, Rows, Status};
use crate::agent::message::delta::PartDelta;
use crate::agent::message::history::HistoryMessage;
use crate::agent::message::part::Part;
use crate::agent::tools::approval::{CallEnd, ClaimedCall, SealedCall, ToolGrant};
use crate::agent::tools::client::ClientTool;
use crate::agent::tools::source::ToolFile;
use crate::agent::tools::waiting_call::WaitingCall;
use crate::agent::usage::TokenUsage;
use crate::agent::usage::reservation::{Extension, OverLimit, Reserved};
use crate::providers::catalogue::Usd;
use crate::providers::{ChosenModel, Content, ProviderName};
use crate::supabase::SupabaseError;

/// Claims and saves one answer.
pub trait Recorder: Send + Sync {
    /// Claims the chat. Idempotent, so it is repeated when the reply was lost.
    fn begin<'a>(
        &'a self,
        credentials: &'a Credentials,
    ) -> BoxFuture<'a, Result<BeginOutcome, SupabaseError>>;

    /// Whether what is claimed is a new answer. One that was there before is never given up unread: when its
    /// lease ends, it is as it was.
    fn begins_anew(&self) -> bool {
        true
    }

    /// Loads the files of a claimed chat's history, as the model is to read them, which is offered these tools.
    fn load_files<'a>(
        &'a self,
        _credentials: &'a Credentials,
        _started: &'a mut Started,
        _tools: &'a [String],
    ) -> BoxFuture<'a, ()> {
        Box::pin(std::future::ready(()))
    }

    /// Addresses of these files that browsers can load.
    fn sign_files<'a>(
        &'a self,
        _credentials: &'a Credentials,
        _files: &'a [Uuid],
    ) -> BoxFuture<'a, Vec<(Uuid, String)>> {
        Box::pin(std::future::ready(Vec::new()))
    }

    /// Those of these files that are pictures which the model sees.
    fn load_pictures<'a>(
        &'a self,
        _credentials: &'a Credentials,
        _files: &'a [Uuid],
        _model: &'a ChosenModel,
    ) -> BoxFuture<'a, HashMap<Uuid, Content>> {
        Box::pin(std::future::ready(HashMap::new()))
    }

    /// Saves what is new of the answer. Idempotent, so it is repeated when the reply was lost.
    fn checkpoint<'a>(
        &'a self,
        credentials: &'a Credentials,
        checkpoint: Checkpoint,
    ) -> BoxFuture<'a, Result<Saved, SupabaseError>>;

    /// Saves the end of the answer. Idempotent, so it is repeated when the reply was lost.
    fn save<'a>(
        &'a self,
        credentials: &'a Credentials,
        save: &'a Save,
    ) -> BoxFuture<'a, Result<Saved, SupabaseError>>;

    /// Sets the title of the chat unless it has one. Returns whether it was set.
    fn save_title<'a>(
        &'a self,
        credentials: &'a Credentials,
        title: &'a str,
    ) -> BoxFuture<'a, Result<bool, SupabaseError>>;

    /// Records that a provider cannot read these files, so that it is sent only their names from now on.
    fn refuse_files<'a>(
        &'a self,
        _credentials: &'a Credentials,
        _provider: &'a ProviderName,
        _files: &'a [Uuid],
    ) -> BoxFuture<'a, ()> {
        Box::pin(std::future::ready(()))
    }

    /// Stores files that a tool has made: they become the user's. In the same order, the parts of the message
    /// that show them; of one that cannot be stored, one that says so.
    fn store_files<'a>(
        &'a self,
        _credentials: &'a Credentials,
        _call_id: &'a str,
        _files: Vec<ToolFile>,
    ) -> BoxFuture<'a, Vec<StoredFile>> {
        Box::pin(std::future::ready(Vec::new()))
    }

    /// Has another replica go on with the answer. Everything so far is saved, and nothing is under way.
    fn hand_over<'a>(
        &'a self,
        _credentials: &'a Credentials,
        _hand_over: HandOver,
    ) -> BoxFuture<'a, HandedOver> {
        Box::pin(std::future::ready(HandedOver::Refused))
    }

    /// Shows the listeners of an answer that was handed over what becomes of it, to its end or as long as
    /// there are any.
    fn follow<'a>(
        &'a self,
        _credentials: &'a Arc<Credentials>,
        _answer: watch::Sender<Answer>,
    ) -> BoxFuture<'a, ()> {
        Box::pin(std::future::ready(()))
    }

    /// Seals a call that is to wait for a person's decision; none where none can wait, with the reason.
    fn seal(&self, _user: Uuid, _call: &SealedCall<'_>) -> Result<String, &'static str> {
        Err("a person can be asked in a chat only")
    }

    /// The tools that the person has allowed for the rest of the chat.
    fn grants<'a>(
        &'a self,
        _credentials: &'a Credentials,
    ) -> BoxFuture<'a, Result<Vec<ToolGrant>, SupabaseError>> {
        Box::pin(std::future::ready(Ok(Vec::new())))
    }

    /// Takes an approved call for this run. Idempotent, so it is repeated when the reply was lost.
    fn claim_call<'a>(
        &'a self,
        _credentials: &'a Credentials,
        _call_id: &'a str,
    ) -> BoxFuture<'a, Result<ClaimedCall, SupabaseError>> {
        Box::pin(std::future::ready(Ok(ClaimedCall::Lost)))
    }

    /// Records what a call of this run has come to, `{"output"}` or `{"error"}`; whether it was this run's still.
    /// Idempotent.
    fn finish_call<'a>(
        &'a self,
        _credentials: &'a Credentials,
        _call_id: &'a str,
        _end: CallEnd,
        _outcome: &'a Value,
    ) -> BoxFuture<'a, Result<bool, SupabaseError>> {
        Box::pin(std::future::ready(Ok(false)))
    }

    /// Saves usage that belongs to no message.
    fn save_usage<'a>(
        &'a self,
        credentials: &'a Credentials,
        usage: &'a UsageLog,
    ) -> BoxFuture<'a, Result<(), SupabaseError>>;
}

/// The outcome of claiming a chat.
#[derive(Debug)]
pub enum BeginOutcome {
    /// The chat is claimed.
    Started(Box<Started>),
    /// Another replica is answering this question.
    Elsewhere(Rows),
    /// The question was answered before.
    Answered(Rows),
    /// The chat cannot be claimed.
    Refused(Refusal),
}

/// A claimed chat.
#[derive(Debug)]
pub struct Started {
    /// Its messages.
    pub rows: Rows,
    /// The model to call: the request's, else the chat's, else the default.
    pub model: Option<String>,
    /// The system prompt of the chat.
    pub system_prompt: Option<String>,
    /// The active messages up to the question, oldest first.
    pub history: Vec<HistoryMessage>,
    /// Whether the chat still has the default title.
    pub is_untitled: bool,
    /// What was reserved, where there is a daily limit.
    pub reserved: Option<Reserved>,
    /// The initial metadata of the stored message.
    pub metadata: Map<String, Value>,
    /// For how long the claim and each save keep the answer this run's; none where nobody else could claim
    /// it.
    pub lease: Option<Duration>,
    /// Whether the answer is shown in the place of others once it has content.
    pub is_candidate: bool,
    /// What the message holds already, where an earlier run has begun it.
    pub earlier: Earlier,
}

/// What earlier runs have made of a message that is continued.
#[derive(Debug, Default)]
pub struct Earlier {
    /// Its parts. None of them is open.
    pub parts: Vec<Part>,
    /// The number of the checkpoint of this run that has them; its next one has the number after that.
    pub checkpoint: u32,
    /// The tokens of those runs.
    pub usage: Option<TokenUsage>,
    /// The price of those tokens.
    pub cost_usd: Option<Usd>,
    /// The page's tools that they have called.
    pub client_tools: Vec<Arc<ClientTool>>,
    /// The ids of the calls that were approved and are to be made.
    pub approved: Vec<String>,
    /// Whether listeners have been shown them: failures are part of the stream from the start.
    pub is_visible: bool,
}

/// What another replica needs to go on with an answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HandOver {
    /// What its request asked for.
    pub options: Options,
    /// Who answers, by id: the other replica has the same file, and instructions do not travel.
    #[serde(default)]
    pub assistant: Option<String>,
    /// The names of the tools that its model may call.
    pub tools: Vec<String>,
    /// The tokens so far.
    pub usage: TokenUsage,
    /// The price of those tokens.
    pub cost_usd: Option<Usd>,
}

/// Whether another replica goes on with an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HandedOver {
    /// One does: the answer is its.
    Taken,
    /// None does.
    Refused,
    /// One may.
    Unknown,
}

/// A file of the user's, as a message shows it.
#[derive(Clone, Debug)]
pub struct StoredFile {
    /// The part of the message.
    pub part: Value,
    /// Where browsers load it from for a while; only listeners are shown it.
    pub signed_url: Option<String>,
}

/// What is new of an answer, which renews the lease.
#[derive(Clone, Debug, Serialize)]
pub struct Checkpoint {
    /// Counts the checkpoints of the answer: one with a lower number that comes later is too late.
    pub number: u32,
    /// The last one that is known to have been carried out. This one brings everything since.
    pub after: u32,
    /// What is new.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub delta: Vec<PartDelta>,
    /// What has been used so far, where that is new.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub used: Option<Used>,
    /// The tokens to reserve from here on, where there is a daily limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reserve: Option<Extension>,
}

/// An estimate of what an answer has used so far.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Used {
    /// The tokens, once a model has been called.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<TokenUsage>,
    /// The model that answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Its provider.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// What it has cost, once anything has been called; null where that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost_usd: Option<Option<Usd>>,
}

/// The end of an answer, as it is saved.
#[derive(Clone, Debug)]
pub struct Save {
    /// The parts; `None` for what the checkpoints have saved.
    pub parts: Option<Box<RawValue>>,
    /// The model that answers.
    pub model: Option<String>,
    /// The message's metadata.
    pub metadata: Option<Map<String, Value>>,
    /// The tokens.
    pub usage: Option<TokenUsage>,
    /// The price of those tokens.
    pub cost_usd: Option<Usd>,
    /// How it ended.
    pub end: SavedEnd,
}

/// The end of an answer, saved in one transaction with its usage.
#[derive(Clone, Debug, Serialize)]
pub struct SavedEnd {
    /// `complete`, `stopped`, `failed`, `interrupted` or `awaiting`.
    pub status: &'static str,
    /// Why the model stopped.
    pub finish_reason: String,
    /// An empty failure is not part of the history.
    pub is_active: bool,
    /// The usage, where a provider was called at all.
    pub usage_log: Option<UsageLog>,
    /// The calls that wait, of an answer that does.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<WaitingCall>,
}

/// The result of a save.
#[derive(Debug)]
pub struct Saved {
    /// Whether the message still belongs to this generation.
    pub is_owned: bool,
    /// Whether a stop was requested.
    pub stop_requested: bool,
    /// Set if the reservation exceeds the day's tokens.
    pub over_limit: Option<OverLimit>,
    /// The status of the message, if it has ended.
    pub status: Option<Status>,
    /// The message after its end.
    pub message: Option<Box<RawValue>>,
}
