//! Requests and responses of `/api/scripts`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::api::files::model::File;
use crate::http::error::ApiError;
use crate::http::extract::or_default;
use crate::http::validate::Checks;
use crate::sandbox::{self, MAX_FILES, Outcome};

/// The most bytes of source: more is an attack on the parser.
pub const MAX_CODE_BYTES: usize = 256 << 10;

/// The most input files of a script.
const MAX_INPUT_FILES: usize = 50;

/// The language of a script.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, ToSchema, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// Always available.
    #[default]
    JavaScript,
    /// Available where the host can confine it; see the capabilities.
    Python,
}

impl Language {
    /// The name, as it is serialized.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::JavaScript => "javascript",
            Self::Python => "python",
        }
    }
}

impl From<Language> for sandbox::Language {
    fn from(language: Language) -> Self {
        match language {
            Language::JavaScript => Self::JavaScript,
            Language::Python => Self::Python,
        }
    }
}

/// Request to run a script.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[schema(example = json!({"code": "console.log('Hello!'); input.a + input.b", "input": {"a": 1, "b": 2}}))]
pub struct RunScript {
    /// ID chosen by the client, which allows it to cancel the script.
    pub id: Option<Uuid>,
    /// Defaults to `javascript`.
    #[serde(default, deserialize_with = "or_default")]
    pub language: Language,
    /// Source code, at most 256 KiB. Send either `code` or `file_id`.
    #[schema(min_length = 1)]
    pub code: Option<String>,
    /// ID of a file that contains the source code. Send either `code` or `file_id`.
    pub file_id: Option<Uuid>,
    /// IDs of the files to copy to `/files`, where the script can read and write them.
    #[serde(default, deserialize_with = "or_default")]
    #[schema(max_items = 50)]
    pub files: Vec<Uuid>,
    /// Value of the global variable `input`.
    pub input: Option<Value>,
    /// Time limit in milliseconds, at most `max_timeout_ms` of the capabilities. Defaults to the
    /// `timeout_ms` of their limits.
    #[schema(minimum = 1)]
    pub timeout_ms: Option<u64>,
    /// ID of the chat that the run belongs to.
    pub chat_id: Option<Uuid>,
}

impl RunScript {
    /// Checks everything against the limits.
    pub fn check(&self, limits: &sandbox::Limits) -> Result<(), ApiError> {
        let mut checks = Checks::default();
        match &self.code {
            None if self.file_id.is_none() => {
                checks.refuse("/code", "is missing: send code or file_id");
            }
            Some(_) if self.file_id.is_some() => {
                checks.refuse("/file_id", "cannot be sent together with code");
            }
            Some(code) if code.is_empty() || code.len() > MAX_CODE_BYTES => {
                checks.refuse("/code", format!("must be 1 to {MAX_CODE_BYTES} bytes long"));
            }
            _ => {}
        }
        if self.files.len() > MAX_INPUT_FILES {
            checks.refuse("/files", format!("must be at most {MAX_INPUT_FILES} files"));
        }
        let longest = u64::try_from(limits.timeout.as_millis()).unwrap_or(u64::MAX);
        checks.range("/timeout_ms", self.timeout_ms, 1, longest);
        checks.finish()
    }
}

/// A run of a script.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub struct ScriptRun {
    /// ID of the run.
    pub id: Uuid,
    /// ID of the chat that the run belongs to.
    #[schema(required = true)]
    pub chat_id: Option<Uuid>,
    /// Language of the script.
    pub language: Language,
    /// Outcome of the script.
    pub status: Status,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    /// Whether output was truncated because it exceeded the limit.
    pub truncated: bool,
    /// Value of the last expression.
    #[schema(required = true)]
    pub result: Value,
    /// The error, unless the status is `ok`.
    #[schema(required = true)]
    pub error: Option<RunError>,
    /// Files that the script created or changed.
    pub files: Vec<File>,
    /// Run time of the script in milliseconds.
    pub duration_ms: u64,
    /// Limits that applied.
    pub limits: RunLimits,
    /// Time the run was recorded.
    #[schema(format = DateTime)]
    pub created_at: String,
}

/// A script run, with its source code and input. The middle of outputs, results and inputs of more than
/// 64 KiB is not stored; results and inputs are then strings.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub struct StoredScriptRun {
    #[serde(flatten)]
    run: ScriptRun,
    /// The source.
    code: String,
    /// The input.
    #[schema(required = true)]
    input: Option<Value>,
}

/// A script run, without its source code, input and output.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub struct ScriptRunSummary {
    /// ID of the run.
    pub id: Uuid,
    /// ID of the chat that the run belongs to.
    #[schema(required = true)]
    pub chat_id: Option<Uuid>,
    /// Language of the script.
    pub language: Language,
    /// Outcome of the script.
    pub status: Status,
    /// Whether output was truncated because it exceeded the limit.
    pub truncated: bool,
    /// The error, unless the status is `ok`.
    #[schema(required = true)]
    pub error: Option<RunError>,
    /// Files that the script created or changed, as they were then and without their `url`.
    pub files: Vec<File>,
    /// Run time of the script in milliseconds.
    pub duration_ms: u64,
    /// Limits that applied.
    pub limits: RunLimits,
    /// Time the run was recorded.
    #[schema(format = DateTime)]
    pub created_at: String,
}

/// Outcome of a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ScriptStatus)]
pub enum Status {
    /// It ran to its end.
    Ok,
    /// It threw an error.
    Error,
    /// It exceeded its time limit.
    Timeout,
    /// It exceeded its memory limit.
    MemoryLimit,
    /// It exceeded the limit of output, result or files.
    OutputLimit,
    /// Its interpreter died.
    Crashed,
    /// It was cancelled, or its client disconnected.
    Cancelled,
}

impl Status {
    /// The name, as it is serialized.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Error => "error",
            Self::Timeout => "timeout",
            Self::MemoryLimit => "memory_limit",
            Self::OutputLimit => "output_limit",
            Self::Crashed => "crashed",
            Self::Cancelled => "cancelled",
        }
    }
}

impl From<sandbox::Status> for Status {
    fn from(status: sandbox::Status) -> Self {
        match status {
            sandbox::Status::Ok => Self::Ok,
            sandbox::Status::Error => Self::Error,
            sandbox::Status::Timeout => Self::Timeout,
            sandbox::Status::MemoryLimit => Self::MemoryLimit,
            sandbox::Status::OutputLimit => Self::OutputLimit,
            sandbox::Status::Crashed => Self::Crashed,
            sandbox::Status::Cancelled => Self::Cancelled,
        }
    }
}

/// Error of a script, for its author.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[schema(as = ScriptError)]
pub struct RunError {
    /// Class of the error.
    #[schema(example = "TypeError")]
    pub r#type: String,
    /// Message of the error.
    pub message: String,
    /// Line number in the script, starting at 1.
    #[schema(required = true)]
    pub line: Option<u32>,
    /// Stack trace, in the format of the language.
    #[schema(required = true)]
    pub traceback: Option<String>,
}

impl From<sandbox::ScriptError> for RunError {
    fn from(error: sandbox::ScriptError) -> Self {
        let sandbox::ScriptError { r#type, message, line, traceback } = error;
        Self { r#type, message, line, traceback }
    }
}

/// The limits of a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[schema(as = ScriptLimits)]
pub struct RunLimits {
    /// Time in milliseconds.
    pub timeout_ms: u64,
    /// Memory in bytes, files included.
    pub memory_bytes: u64,
    /// Standard output and standard error together, in bytes; the result has the same limit.
    pub output_bytes: u64,
    /// The total size of the files in bytes.
    pub files_bytes: u64,
    /// The number of files.
    pub max_files: usize,
}

impl From<&sandbox::Limits> for RunLimits {
    fn from(limits: &sandbox::Limits) -> Self {
        Self {
            timeout_ms: u64::try_from(limits.timeout.as_millis()).unwrap_or(u64::MAX),
            memory_bytes: limits.memory_bytes,
            output_bytes: limits.output_bytes,
            files_bytes: limits.files_bytes(),
            max_files: MAX_FILES,
        }
    }
}

impl ScriptRun {
    pub(super) fn new(id: Uuid, request: &RunScript, outcome: Outcome, limits: RunLimits) -> Self {
        Self {
            id,
            chat_id: request.chat_id,
            language: request.language,
            status: outcome.status.into(),
            stdout: outcome.stdout,
            stderr: outcome.stderr,
            truncated: outcome.truncated,
            result: outcome.result,
            error: outcome.error.map(RunError::from),
            files: Vec::new(),
            duration_ms: u64::try_from(outcome.duration.as_millis()).unwrap_or(u64::MAX),
            limits,
            created_at: String::new(),
        }
    }
}

/// Filters for the list of runs.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct RunFilter {
    /// Return only runs that belong to this chat.
    pub chat_id: Option<Uuid>,
}

/// The languages and limits of this server's scripts.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub struct Capabilities {
    /// The languages.
    pub languages: Vec<LanguageCapabilities>,
    /// The limits of every script; that of time unless its request says otherwise.
    pub limits: RunLimits,
    /// The longest time limit in milliseconds that a request may ask for.
    pub max_timeout_ms: u64,
}

/// What this server offers to scripts in one language.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub struct LanguageCapabilities {
    /// The language.
    pub language: Language,
    /// Whether scripts in this language can be run.
    pub available: bool,
    /// Why scripts in this language cannot be run.
    #[schema(required = true)]
    pub reason: Option<String>,
    /// Version of the interpreter.
    #[schema(required = true, example = "3.13.1")]
    pub version: Option<String>,
    /// Global variables beyond the language itself.
    pub globals: Vec<String>,
    /// Well-known modules that are installed beyond the standard library.
    pub modules: Vec<String>,
}
