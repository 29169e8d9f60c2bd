//! Stateless answers: nothing but usage is stored.

use std::collections::HashMap;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::checkpoints::CheckpointWriter;
use super::model::{AnswerFormat, Generate, PlainContent, PlainMessage, Stop};
use super::principal::Principal;
pub(in crate::api) use super::request::{MAX_OUTPUT_TOKENS, check_options};
use crate::agent::{
    BeginOutcome, Checkpoint, Credentials, Earlier, HistoryMessage, Options, Part, Recorder,
    Refusal, Reserve, Reserved, Rows, Save, Saved, Started, UsageLog,
};
use crate::api::messages::model::Role;
use crate::api::messages::parts;
use crate::clock::Clock;
use crate::database::{self, ReserveReply, ReserveTokens, SaveEnd, SaveGeneration};
use crate::http::error::ApiError;
use crate::http::validate::Checks;
use crate::memory::Held;
use crate::providers::{ResponseFormat, ToolChoice};
use crate::supabase::{Caller, Supabase, SupabaseError};

const MAX_MESSAGES: usize = 2_000;

/// Records the usage of one stateless answer.
pub(super) struct StatelessRecorder {
    pub(super) supabase: Supabase,
    pub(super) checkpoints: CheckpointWriter,
    pub(super) clock: Clock,
    pub(super) id: Uuid,
    /// The secret that owns what is reserved.
    pub(super) run: Uuid,
    pub(super) model: Option<String>,
    pub(super) history: Vec<HistoryMessage>,
    /// The memory that the history is charged to.
    pub(super) _held: Held,
    pub(super) reserve: Reserve,
}

impl Recorder for StatelessRecorder {
    fn begin<'a>(
        &'a self,
        credentials: &'a Credentials,
    ) -> BoxFuture<'a, Result<BeginOutcome, SupabaseError>> {
        async move {
            let token = credentials.token();
            let rest = self.supabase.rest(Caller::User(&token));
            // Without a limit as well: before the model is asked it has to be known that the user
            // still exists and that the usage can be saved.
            let reserve = ReserveTokens { p_run: self.run, p_reserve: self.reserve.clone() };
            Ok(match database::call(rest, &reserve).await? {
                ReserveReply::Started { reserved } => {
                    BeginOutcome::Started(Box::new(self.started(reserved)))
                }
                ReserveReply::OverLimit { over_limit } => {
                    BeginOutcome::Refused(Refusal::OverLimit(over_limit))
                }
            })
        }
        .boxed()
    }

    /// Renews what is reserved; the text is nobody's but the client's.
    fn checkpoint<'a>(
        &'a self,
        credentials: &'a Credentials,
        checkpoint: Checkpoint,
    ) -> BoxFuture<'a, Result<Saved, SupabaseError>> {
        async move {
            let checkpoint = Checkpoint { delta: Vec::new(), ..checkpoint };
            let saved = self.checkpoints.save(credentials, self.run, checkpoint).await?;
            Ok(Saved { is_owned: true, stop_requested: false, ..saved })
        }
        .boxed()
    }

    /// Saves the usage of an answer that is no message.
    fn save<'a>(
        &'a self,
        credentials: &'a Credentials,
        save: &'a Save,
    ) -> BoxFuture<'a, Result<Saved, SupabaseError>> {
        async move {
            self.save_end(credentials, save).await?;
            Ok(Saved {
                is_owned: true,
                stop_requested: false,
                over_limit: None,
                status: None,
                message: None,
            })
        }
        .boxed()
    }

    fn save_title<'a>(
        &'a self,
        _: &'a Credentials,
        _: &'a str,
    ) -> BoxFuture<'a, Result<bool, SupabaseError>> {
        async { Ok(false) }.boxed()
    }

    fn save_usage<'a>(
        &'a self,
        credentials: &'a Credentials,
        usage: &'a UsageLog,
    ) -> BoxFuture<'a, Result<(), SupabaseError>> {
        let principal = Principal::new(credentials, &self.supabase, &self.clock);
        let run = self.run;
        async move { principal.record_usage(&self.supabase, run, Uuid::nil(), usage).await }.boxed()
    }
}

impl StatelessRecorder {
    fn started(&self, reserved: Option<Reserved>) -> Started {
        Started {
            rows: Rows { message_id: self.id, message: None, user_message: None },
            model: self.model.clone(),
            system_prompt: None,
            history: self.history.clone(),
            is_untitled: false,
            reserved,
            metadata: Map::new(),
            lease: None,
            is_candidate: false,
            earlier: Earlier::default(),
        }
    }

    async fn save_end(&self, credentials: &Credentials, save: &Save) -> Result<(), SupabaseError> {
        let principal = Principal::new(credentials, &self.supabase, &self.clock);
        let save = SaveGeneration {
            p_run: self.run,
            p_usage: save.usage,
            p_end: Some(SaveEnd::Usage { usage_log: save.end.usage_log.as_ref() }),
            p_user_id: principal.user_id,
            // It is no message and in no chat.
            ..SaveGeneration::default()
        };
        database::call(self.supabase.rest(principal.caller()), &save).await.map(drop)
    }
}

/// A validated request for an answer without a chat.
pub(in crate::api) struct StatelessRequest {
    pub(in crate::api) history: Vec<HistoryMessage>,
    pub(in crate::api) options: Options,
    pub(in crate::api) model: Option<String>,
    /// The memory that the request is charged to.
    pub(in crate::api) held: Held,
}

impl StatelessRequest {
    pub(super) fn read(body: Generate, held: Held) -> Result<Self, ApiError> {
        let mut checks = Checks::default();
        let options = Options {
            system: body.system,
            context: None,
            max_output_tokens: body.max_output_tokens,
            output_limit: None,
            temperature: body.temperature,
            top_p: body.top_p,
            stop: stop(body.stop, &mut checks),
            reasoning_effort: body.reasoning_effort,
            response_format: format(body.response_format, &mut checks),
            max_steps: 1,
            functions: Vec::new(),
            tool_choice: ToolChoice::Auto,
            parallel_tool_calls: None,
        };
        check_options(&options, body.model.as_deref(), &mut checks);
        let history = history(body.messages, body.prompt, &mut checks);
        checks.finish()?;
        Ok(Self { history, options, model: body.model, held })
    }
}

fn history(
    messages: Option<Vec<PlainMessage>>,
    prompt: Option<String>,
    checks: &mut Checks,
) -> Vec<HistoryMessage> {
    let messages = match (messages, prompt) {
        (Some(messages), None) => messages,
        (None, Some(prompt)) => {
            vec![PlainMessage { role: Role::User, content: PlainContent::Text(prompt) }]
        }
        (Some(_), Some(_)) => {
            checks.refuse("/prompt", "cannot be sent together with messages");
            return Vec::new();
        }
        (None, None) => {
            checks.refuse("/messages", "is missing: send messages or prompt");
            return Vec::new();
        }
    };
    if messages.is_empty() || messages.len() > MAX_MESSAGES {
        checks.refuse("/messages", format!("must be 1 to {MAX_MESSAGES} messages"));
    }
    let messages = messages.into_iter().enumerate();
    messages.map(|(index, message)| history_message(index, message, checks)).collect()
}

fn history_message(index: usize, message: PlainMessage, checks: &mut Checks) -> HistoryMessage {
    let (content, sent) = match message.content {
        PlainContent::Text(text) => (Some(text), None),
        PlainContent::Parts(parts) => (None, Some(parts)),
    };
    let pointer = format!("/messages/{index}");
    let parts = parts::for_model(content, sent, &pointer, checks);
    let file = parts.iter().position(|part| part["type"] == "file");
    if let Some(file) = file.filter(|_| message.role != Role::User) {
        checks.refuse(format!("{pointer}/content/{file}"), "can be sent in user messages only");
    }
    let role = match message.role {
        Role::User => "user",
        Role::Assistant => "assistant",
        Role::System => "system",
    };
    HistoryMessage { role: role.to_owned(), parts: read(parts), files: HashMap::new() }
}

/// Texts and files; nothing else is shown to the model.
fn read(parts: Vec<Value>) -> Vec<Part> {
    let read = |part: Value| match part["text"].as_str() {
        Some(text) if part["type"] == "text" => {
            Part::Text { text: text.to_owned(), done: true, opaque: None }
        }
        _ => Part::Other(part),
    };
    parts.into_iter().map(read).collect()
}

/// Stop sequences.
pub(in crate::api) fn stop(stop: Option<Stop>, checks: &mut Checks) -> Vec<String> {
    let stop = match stop {
        None => Vec::new(),
        Some(Stop::One(text)) => vec![text],
        Some(Stop::Several(texts)) => texts,
    };
    if stop.len() > 4 || stop.iter().any(|text| text.is_empty() || text.len() > 500) {
        checks.refuse("/stop", "must be at most 4 texts of 1 to 500 bytes");
    }
    stop
}

/// The format of an answer.
pub(in crate::api) fn format(format: Option<AnswerFormat>, checks: &mut Checks) -> ResponseFormat {
    match format {
        None | Some(AnswerFormat::Text) => ResponseFormat::Text,
        Some(AnswerFormat::JsonObject) => ResponseFormat::JsonObject,
        Some(AnswerFormat::JsonSchema { json_schema }) => {
            let is_name = |name: &str| {
                (1..=64).contains(&name.len())
                    && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b))
            };
            if !is_name(&json_schema.name) {
                checks
                    .refuse("/response_format/json_schema/name", "must match [A-Za-z0-9_-]{1,64}");
            }
            ResponseFormat::JsonSchema {
                name: json_schema.name,
                schema: Box::new(Value::Object(json_schema.schema)),
                strict: json_schema.strict,
            }
        }
    }
}
