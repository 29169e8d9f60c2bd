//! What clients ask of `/api/scripts`, and what they get.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::api::files::model::File;
use crate::http::error::ApiError;
use crate::http::extract::or_default;
use crate::http::validate::Checks;
use crate::sandbox::{self, MAX_FILES, Outcome};

/// The longest script, in bytes: more is an attack on the parser.
pub const MAX_CODE_BYTES: usize = 256 << 10;

/// How many files a script may be given.
const MAX_INPUT_FILES: usize = 50;

/// The language of a script.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// Always there.
    #[default]
    JavaScript,
    /// Where the host can confine it; see the capabilities.
    Python,
}

impl From<Language> for sandbox::Language {
    fn from(language: Language) -> Self {
        match language {
            Language::JavaScript => Self::JavaScript,
            Language::Python => Self::Python,
        }
    }
}

/// A script to run.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[schema(example = json!({"code": "console.log('Hello!'); input.a + input.b", "input": {"a": 1, "b": 2}}))]
pub struct RunScript {
    /// A UUID of the client's own, by which it can cancel the script.
    pub id: Option<Uuid>,
    /// `javascript` where it is missing.
    #[serde(default, deserialize_with = "or_default")]
    pub language: Language,
    /// The script, at most 256 KiB; either this or `file_id`.
    #[schema(min_length = 1)]
    pub code: Option<String>,
    /// A file that is the script; either this or `code`.
    pub file_id: Option<Uuid>,
    /// The files that the script finds under `/files`, to read and to write.
    #[serde(default, deserialize_with = "or_default")]
    #[schema(max_items = 50)]
    pub files: Vec<Uuid>,
    /// What the script finds as `input`.
    pub input: Option<Value>,
    /// How long it may take, at most what the capabilities say.
    #[schema(minimum = 1)]
    pub timeout_ms: Option<u64>,
    /// The chat that it belongs to.
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

/// A script that was run.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub struct ScriptRun {
    /// Its id.
    pub id: Uuid,
    /// The chat that it belongs to.
    #[schema(required = true)]
    pub chat_id: Option<Uuid>,
    /// Its language.
    pub language: Language,
    /// How it ended.
    pub status: Status,
    /// What it wrote to standard output.
    pub stdout: String,
    /// What it wrote to standard error.
    pub stderr: String,
    /// Some of the output is missing, because there was too much.
    pub truncated: bool,
    /// The value of its last expression.
    #[schema(required = true)]
    pub result: Value,
    /// Why it did not end well.
    #[schema(required = true)]
    pub error: Option<RunError>,
    /// The files that it wrote or changed.
    pub files: Vec<File>,
    /// How long it took.
    pub duration_ms: u64,
    /// The limits that it had to keep to.
    pub limits: RunLimits,
    /// When it was run.
    #[schema(format = DateTime)]
    pub created_at: String,
}

/// A script that was run, with what was run. Outputs, result and input of over 64 KiB are kept without
/// their middle, the latter two then as texts.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub struct StoredScriptRun {
    #[serde(flatten)]
    run: ScriptRun,
    /// The script.
    code: String,
    /// Its input.
    #[schema(required = true)]
    input: Option<Value>,
}

/// A script that was run, without what it read and wrote.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub struct ScriptRunSummary {
    /// Its id.
    pub id: Uuid,
    /// The chat that it belongs to.
    #[schema(required = true)]
    pub chat_id: Option<Uuid>,
    /// Its language.
    pub language: Language,
    /// How it ended.
    pub status: Status,
    /// Some of the output is missing, because there was too much.
    pub truncated: bool,
    /// Why it did not end well.
    #[schema(required = true)]
    pub error: Option<RunError>,
    /// The files that it wrote or changed, as they were then and without their `url`.
    pub files: Vec<File>,
    /// How long it took.
    pub duration_ms: u64,
    /// The limits that it had to keep to.
    pub limits: RunLimits,
    /// When it was run.
    #[schema(format = DateTime)]
    pub created_at: String,
}

/// How a script ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ScriptStatus)]
pub enum Status {
    /// Well.
    Ok,
    /// With an error of its own.
    Error,
    /// It took too long.
    Timeout,
    /// It used too much memory.
    MemoryLimit,
    /// It wrote or returned too much.
    OutputLimit,
    /// Its interpreter died.
    Crashed,
    /// Its owner has cancelled it, or has gone away.
    Cancelled,
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

/// Why a script did not end well, for the model or person that mends it.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[schema(as = ScriptError)]
pub struct RunError {
    /// The error's class.
    #[schema(example = "TypeError")]
    pub r#type: String,
    /// What it says.
    pub message: String,
    /// The line of the script, counted from 1.
    #[schema(required = true)]
    pub line: Option<u32>,
    /// Where it came from, as the language prints it.
    #[schema(required = true)]
    pub traceback: Option<String>,
}

impl From<sandbox::ScriptError> for RunError {
    fn from(error: sandbox::ScriptError) -> Self {
        let sandbox::ScriptError { r#type, message, line, traceback } = error;
        Self { r#type, message, line, traceback }
    }
}

/// The limits of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[schema(as = ScriptLimits)]
pub struct RunLimits {
    /// The longest that it may take.
    pub timeout_ms: u64,
    /// Memory, files included.
    pub memory_bytes: u64,
    /// Standard output and standard error together; the result as well.
    pub output_bytes: u64,
    /// All files together.
    pub files_bytes: u64,
    /// How many files there may be.
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
    pub(super) fn new(id: Uuid, wanted: &RunScript, outcome: Outcome, limits: RunLimits) -> Self {
        Self {
            id,
            chat_id: wanted.chat_id,
            language: wanted.language,
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

/// Which runs to list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct RunFilter {
    /// Only runs of this chat.
    pub chat_id: Option<Uuid>,
}

/// What scripts can do here.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub struct Capabilities {
    /// The languages.
    pub languages: Vec<LanguageCapabilities>,
    /// What every script has to keep to.
    pub limits: RunLimits,
}

/// What scripts of one language can do here.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub struct LanguageCapabilities {
    /// The language.
    pub language: Language,
    /// Whether scripts in it can be run.
    pub available: bool,
    /// Why they cannot.
    #[schema(required = true)]
    pub reason: Option<String>,
    /// The interpreter.
    #[schema(required = true, example = "3.13.1")]
    pub version: Option<String>,
    /// What scripts find besides the language itself.
    pub globals: Vec<String>,
    /// Well-known modules that are installed besides the standard library.
    pub modules: Vec<String>,
}
