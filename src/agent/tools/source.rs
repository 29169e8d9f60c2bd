//! Where tools come from: this server, the configuration file, the project's functions, other servers.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::agent::Credentials;
use crate::providers::HostedTool;
use crate::providers::catalogue::Usd;

/// Offers tools and runs them. It owns its connections and secrets.
pub trait ToolSource: Send + Sync {
    /// The name in the configuration file: unique in the process, `[a-zA-Z][a-zA-Z0-9_]{0,47}`.
    fn label(&self) -> &str;

    /// What it is.
    fn kind(&self) -> SourceKind;

    /// The tool that the model's provider runs, where it is one: it is put into the request and never called.
    fn hosted(&self) -> Option<&HostedTool> {
        None
    }

    /// Whether requests that name no tools are offered its tools.
    fn is_default(&self) -> bool {
        false
    }

    /// The names of tools that it always has, under which requests know them. No other tool gets one of them.
    fn fixed_names(&self) -> Vec<String> {
        Vec::new()
    }

    /// How long a listing is used again, and for whom. None: the source is asked at each turn, because that
    /// costs nothing.
    fn keeps(&self) -> Option<Keep> {
        None
    }

    /// The tools that this user may be offered, in a stable order. A source that fails, or takes longer than two
    /// seconds, contributes nothing to the turn, and a warning.
    fn list<'a>(&'a self, who: &'a Who) -> BoxFuture<'a, Result<Vec<SourceTool>, SourceError>>;

    /// Runs a tool. The arguments have been checked, and what needed approval has it. Dropping the future is a
    /// stop or the deadline: what runs elsewhere is cancelled.
    fn call<'a>(&'a self, context: &'a ToolContext, call: &'a SourceCall)
    -> BoxFuture<'a, Outcome>;
}

/// What a source is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceKind {
    /// This server's own tools.
    BuiltIn,
    /// An HTTP endpoint or Edge Function.
    Http,
    /// Operations of an OpenAPI document.
    Openapi,
    /// Functions of the project's database.
    Postgres,
    /// A server that speaks the Model Context Protocol.
    Mcp,
    /// A tool that the model's provider runs.
    Hosted,
    /// A function of the page.
    Client,
}

impl SourceKind {
    /// The name, as the configuration file has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BuiltIn => "built_in",
            Self::Http => "http",
            Self::Openapi => "openapi",
            Self::Postgres => "postgres",
            Self::Mcp => "mcp",
            Self::Hosted => "hosted",
            Self::Client => "client",
        }
    }
}

/// How long a listing is used again, and for whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keep {
    /// How long.
    pub lifetime: Duration,
    /// For whom.
    pub shared_by: SharedBy,
}

/// Who is offered the same tools.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SharedBy {
    /// All users.
    Everybody,
    /// All users with the same role.
    Role,
    /// Each user has a listing of their own.
    User,
}

/// The user who is offered tools.
#[derive(Clone, Debug)]
pub struct Who {
    /// The user and their newest access token.
    pub credentials: Arc<Credentials>,
    /// `app_metadata.role` of their token.
    pub role: Option<String>,
}

/// Why a source has no tools at the moment: one sentence without secrets.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SourceError(pub String);

/// A tool, as its source describes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SourceTool {
    /// Its name at the source.
    pub name: String,
    /// A title for people.
    pub title: Option<String>,
    /// What it does, for the model.
    pub description: String,
    /// JSON Schema of its arguments, as the source has it.
    pub parameters: Value,
    /// JSON Schema of its result.
    pub output_schema: Option<Value>,
    /// Whether a person is asked.
    pub policy: Policy,
    /// Why the policy is what it is, for the person who is asked.
    pub reason: Option<String>,
    /// Whether the person may change the arguments.
    pub may_edit: bool,
    /// Whether "always in this chat" is offered.
    pub may_remember: bool,
    /// Whether a call whose outcome is not known may be made again.
    pub is_repeatable: bool,
    /// How long one call may take.
    pub deadline: Duration,
    /// The longest result that the model reads, in bytes.
    pub max_result_bytes: usize,
    /// What a call costs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price_usd: Option<Usd>,
    /// JSON Pointers of arguments that are neither shown nor stored.
    pub redact: Vec<String>,
    /// Where it runs, for the person who is asked: a host name.
    pub target: Option<String>,
    /// Ids of the models that it is offered to; without any, all.
    pub models: Vec<String>,
}

impl Default for SourceTool {
    /// A tool that asks a person.
    fn default() -> Self {
        Self {
            name: String::new(),
            title: None,
            description: String::new(),
            parameters: Value::Object(serde_json::Map::new()),
            output_schema: None,
            policy: Policy::Always,
            reason: None,
            may_edit: false,
            may_remember: false,
            is_repeatable: false,
            deadline: Duration::from_secs(15),
            max_result_bytes: 64 << 10,
            price_usd: None,
            redact: Vec::new(),
            target: None,
            models: Vec::new(),
        }
    }
}

/// Whether a person is asked before a tool runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Policy {
    /// It runs.
    Never,
    /// A person is asked.
    Always,
    /// It runs where the arguments fit this schema.
    Unless(Value),
}

/// A call of a tool.
#[derive(Clone, Debug)]
pub struct SourceCall {
    /// The tool's name at the source.
    pub tool: String,
    /// The arguments. What the model left out or set to null although it is optional is absent.
    pub arguments: Value,
}

/// In whose name and for what a tool runs.
pub struct ToolContext {
    /// The user and their newest access token. Sent only where the operator's file says so.
    pub credentials: Arc<Credentials>,
    /// The chat; none for an answer without one.
    pub chat_id: Option<Uuid>,
    /// The answer.
    pub message_id: Option<Uuid>,
    /// `<message id>/<call id>`: the same for each attempt of the same call.
    pub idempotency_key: String,
    /// Ends with the call, a stop or the deadline.
    pub cancellation: CancellationToken,
    /// Shows the person how far the call is. The latest one wins.
    pub progress: Arc<dyn Fn(Progress) + Send + Sync>,
}

impl ToolContext {
    /// Of a call outside of chats, of which nobody hears before its end.
    pub fn of(credentials: Arc<Credentials>) -> Self {
        Self {
            credentials,
            chat_id: None,
            message_id: None,
            idempotency_key: String::new(),
            cancellation: CancellationToken::new(),
            progress: Arc::new(|_| ()),
        }
    }
}

/// How far a call is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Progress {
    /// What has been done, in units of the tool's own.
    pub progress: f64,
    /// What there is to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<f64>,
    /// A short text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// What became of a call.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It has run.
    Ok {
        /// The result for the model; it is cut where it is too long.
        output: Value,
        /// Further parts of the message for the person: sources.
        parts: Vec<Value>,
        /// Files that become the user's and parts of the message.
        files: Vec<ToolFile>,
    },
    /// The tool has refused: a sentence that helps the model to do better. What was not even called has failed.
    Refused(String),
    /// It could not be run, or its result is not known.
    Failed {
        /// One sentence, without secrets.
        sentence: String,
        /// Whether something may have been changed: such a call is not made again unless it is repeatable.
        may_have_happened: bool,
    },
}

/// A file that a tool has made.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolFile {
    /// The file's name.
    pub name: String,
    /// The MIME type.
    pub media_type: String,
    /// The content.
    pub bytes: bytes::Bytes,
}
