//! Claims and saves answers with the functions of the database.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::attachments;
use super::request::{Action, ChatRequest};
use crate::agent::{
    BeginOutcome, Credentials, Extension, HistoryMessage, OverLimit, Recorder, Refusal, Reserve,
    Reserved, Rows, Save, Saved, Started, Status, TokenUsage, UsageLog,
};
use crate::api::chats::model::UNTITLED;
use crate::api::files::{Files, Owner};
use crate::clock::Clock;
use crate::memory::json_cost;
use crate::providers::{ProviderName, Providers};
use crate::supabase::{AccessToken, Caller, Supabase, SupabaseError};

/// A history is held as it was read, as the model's turns, and as the request to the provider.
const COPIES: usize = 3;
/// With less life than this, in seconds, a token gives way to the service key where there is one.
const TOKEN_MARGIN_S: i64 = 60;

/// Records one answer in a chat.
pub(super) struct ChatRecorder {
    pub(super) supabase: Supabase,
    pub(super) files: Files,
    pub(super) providers: Providers,
    pub(super) clock: Clock,
    pub(super) chat_id: Uuid,
    /// The assistant message.
    pub(super) message_id: Uuid,
    /// The secret that owns the row.
    pub(super) run: Uuid,
    pub(super) request: Arc<ChatRequest>,
    pub(super) default_model: String,
    /// A chat that does not exist yet is created.
    pub(super) create_chat: bool,
    /// What a daily limit wants reserved.
    pub(super) reserve: Option<Reserve>,
}

/// In whose name a request is made: the user's, or the server's for a user whose token ends.
pub(super) struct Principal {
    token: AccessToken,
    /// Whom the service key acts for.
    pub(super) user_id: Option<Uuid>,
}

impl Principal {
    pub(super) fn new(credentials: &Credentials, supabase: &Supabase, clock: &Clock) -> Self {
        let is_ending = credentials.expires_at() - TOKEN_MARGIN_S <= clock.unix_seconds();
        let user_id = (is_ending && supabase.has_service_key()).then_some(credentials.user_id);
        Self { token: credentials.token(), user_id }
    }

    pub(super) fn caller(&self) -> Caller<'_> {
        if self.user_id.is_some() { Caller::Service } else { Caller::User(&self.token) }
    }

    /// Records the usage of something that is no message, once for each run.
    pub(super) async fn record_usage(
        &self,
        supabase: &Supabase,
        run: Uuid,
        chat_id: Uuid,
        usage: &UsageLog,
    ) -> Result<(), SupabaseError> {
        let arguments = json!({
            "p_message_id": Uuid::nil(),
            "p_run": run,
            "p_chat_id": chat_id,
            "p_end": { "usage_log": usage },
            "p_user_id": self.user_id,
        });
        let rest = supabase.rest(self.caller());
        rest.call("save_generation", &arguments).repeatable().rows().await.map(drop)
    }
}

#[derive(Serialize)]
struct BeginArguments<'a> {
    p_chat_id: Uuid,
    p_run: Uuid,
    p_message_id: Uuid,
    p_action: &'static str,
    p_user_message: Option<Value>,
    p_regenerate: Option<Uuid>,
    p_model: Option<&'a str>,
    p_default_model: &'a str,
    p_create_chat: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    p_reserve: Option<Reserve>,
}

#[derive(Deserialize)]
struct BeginAnswer {
    answer: String,
    missing: Option<String>,
    message_id: Option<Uuid>,
    message: Option<Box<RawValue>>,
    user_message: Option<Box<RawValue>>,
    chat: Option<ChatRow>,
    reserved: Option<Reserved>,
    over_limit: Option<OverLimit>,
    #[serde(default)]
    history: Vec<HistoryMessage>,
}

#[derive(Deserialize)]
struct ChatRow {
    title: String,
    system_prompt: Option<String>,
}

#[derive(Deserialize)]
struct MessageRow {
    id: Uuid,
    model: Option<String>,
    #[serde(default)]
    metadata: Map<String, Value>,
}

#[derive(Serialize)]
struct SaveArguments<'a> {
    p_message_id: Uuid,
    p_run: Uuid,
    p_chat_id: Uuid,
    p_content: Option<&'a str>,
    p_parts: Option<&'a RawValue>,
    p_model: Option<&'a str>,
    p_metadata: Option<&'a Map<String, Value>>,
    p_usage: Option<TokenUsage>,
    p_cost_usd: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    p_reserve: Option<Extension>,
    p_end: Option<&'a crate::agent::SavedEnd>,
    #[serde(skip_serializing_if = "Option::is_none")]
    p_user_id: Option<Uuid>,
}

#[derive(Deserialize)]
struct SaveAnswer {
    owned: bool,
    stop_requested: bool,
    message: Option<Box<RawValue>>,
    over_limit: Option<OverLimit>,
}

impl Recorder for ChatRecorder {
    fn begin<'a>(
        &'a self,
        credentials: &'a Credentials,
    ) -> BoxFuture<'a, Result<BeginOutcome, SupabaseError>> {
        async move {
            let token = credentials.token();
            let rest = self.supabase.rest(Caller::User(&token));
            // A claim is its run's: the same run again gets the same answer.
            let begin = rest.call("begin_generation", &self.begin_arguments()).repeatable();
            let answer = begin.rows().await?.body;
            self.request.held.grow(COPIES * json_cost(&answer))?;
            let mut begun = begun(serde_json::from_slice(&answer)?)?;
            if let BeginOutcome::Started(started) = &mut begun {
                self.load_files(credentials, started).await;
            }
            Ok(begun)
        }
        .boxed()
    }

    fn save<'a>(
        &'a self,
        credentials: &'a Credentials,
        save: &'a Save,
    ) -> BoxFuture<'a, Result<Saved, SupabaseError>> {
        async move {
            let principal = Principal::new(credentials, &self.supabase, &self.clock);
            let arguments = self.save_arguments(save, principal.user_id);
            let rest = self.supabase.rest(principal.caller());
            let save = rest.call("save_generation", &arguments).repeatable();
            let answer: SaveAnswer = save.value().await?;
            let status = answer.message.as_deref().and_then(status);
            Ok(Saved {
                is_owned: answer.owned,
                stop_requested: answer.stop_requested,
                over_limit: answer.over_limit,
                status,
                message: answer.message,
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
    async fn load_files(&self, credentials: &Credentials, started: &mut Started) {
        if let Ok(model) = self.providers.choose(started.model.as_deref()) {
            let owner = Owner::from(credentials);
            let held = &self.request.held;
            attachments::load(&self.files, &owner, &mut started.history, &model, held).await;
        }
    }

    fn begin_arguments(&self) -> BeginArguments<'_> {
        let action = match self.request.action {
            Action::Submit => "submit",
            Action::Edit => "edit",
            Action::Regenerate => "regenerate",
        };
        let user_message = self.request.user_message.as_ref().map(|turn| {
            json!({ "id": turn.id, "content": turn.content, "parts": turn.parts,
                    "metadata": turn.metadata })
        });
        BeginArguments {
            p_chat_id: self.chat_id,
            p_run: self.run,
            p_message_id: self.message_id,
            p_action: action,
            p_user_message: user_message,
            p_regenerate: self.request.regenerate,
            p_model: self.request.model.as_deref(),
            p_default_model: &self.default_model,
            p_create_chat: self.create_chat.then(|| json!({})),
            p_reserve: self.reserve,
        }
    }

    fn save_arguments<'a>(&self, save: &'a Save, user_id: Option<Uuid>) -> SaveArguments<'a> {
        SaveArguments {
            p_message_id: self.message_id,
            p_run: self.run,
            p_chat_id: self.chat_id,
            p_content: save.text.as_ref().map(|text| text.content.as_str()),
            p_parts: save.text.as_ref().map(|text| &*text.parts),
            p_model: save.model.as_deref(),
            p_metadata: save.metadata.as_ref(),
            p_usage: save.usage,
            p_cost_usd: save.cost_usd,
            p_reserve: save.reserve,
            p_end: save.end.as_ref(),
            p_user_id: user_id,
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

fn begun(answer: BeginAnswer) -> Result<BeginOutcome, SupabaseError> {
    let refused = |refusal| Ok(BeginOutcome::Refused(refusal));
    match answer.answer.as_str() {
        "started" => started(answer),
        "running" => Ok(BeginOutcome::Elsewhere(rows(&answer)?.0)),
        "answered" => Ok(BeginOutcome::Answered(rows(&answer)?.0)),
        "busy" => refused(Refusal::Busy { message_id: answer.message_id.unwrap_or_default() }),
        "not_found" if answer.missing.as_deref() == Some("message") => {
            refused(Refusal::NoSuchMessage)
        }
        "not_found" => refused(Refusal::NoSuchChat),
        "nothing_to_answer" => refused(Refusal::NothingToAnswer),
        "over_limit" => over_limit(answer.over_limit),
        _ => refused(Refusal::IdConflict),
    }
}

pub(super) fn over_limit(over_limit: Option<OverLimit>) -> Result<BeginOutcome, SupabaseError> {
    let over_limit =
        over_limit.ok_or_else(|| SupabaseError::unreadable("a limit without numbers"))?;
    Ok(BeginOutcome::Refused(Refusal::OverLimit(over_limit)))
}

fn started(answer: BeginAnswer) -> Result<BeginOutcome, SupabaseError> {
    let (rows, message) = rows(&answer)?;
    Ok(BeginOutcome::Started(Box::new(Started {
        rows,
        model: message.model,
        is_untitled: answer.chat.as_ref().is_some_and(|chat| chat.title == UNTITLED),
        system_prompt: answer.chat.and_then(|chat| chat.system_prompt),
        history: answer.history,
        reserved: answer.reserved,
        metadata: message.metadata,
    })))
}

fn rows(answer: &BeginAnswer) -> Result<(Rows, MessageRow), SupabaseError> {
    let json = answer.message.as_deref().map_or("null", RawValue::get);
    let message: MessageRow = serde_json::from_str(json)?;
    let rows = Rows {
        message_id: message.id,
        message: answer.message.clone(),
        user_message: answer.user_message.clone(),
    };
    Ok((rows, message))
}
