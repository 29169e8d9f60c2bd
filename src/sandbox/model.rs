//! What goes into the sandbox and what comes out.

use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

/// A language that scripts are written in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// QuickJS, in this program.
    #[default]
    JavaScript,
    /// The host's CPython, where bubblewrap can confine it.
    Python,
}

/// A script to run once.
#[derive(Clone, Debug, Default)]
pub struct Script {
    /// The source.
    pub code: String,
    /// What the script finds as `input`.
    pub input: Option<Value>,
    /// The files that it finds under `/files`; their names are unique.
    pub files: Vec<ScriptFile>,
    /// How long it may take.
    pub timeout: Duration,
    /// Ends it before its time.
    pub cancelled: CancellationToken,
}

/// A file in `/files`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptFile {
    /// Its path below `/files`.
    pub name: String,
    /// Its content.
    pub data: Bytes,
}

/// What every script has to keep to.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The longest that a script may take.
    pub timeout: Duration,
    /// Memory, files in `/files` and `/tmp` included.
    pub memory_bytes: u64,
    /// Standard output and standard error together; the result as well.
    pub output_bytes: u64,
}

impl Limits {
    /// Everything in `/files`, what was put there included: a quarter of the memory, in which the
    /// files are, at most 64 MiB.
    pub fn files_bytes(&self) -> u64 {
        (self.memory_bytes / 4).min(64 << 20)
    }
}

/// How many files may be in `/files` at the end.
pub const MAX_FILES: usize = 100;

/// What has become of a script.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// How it ended.
    pub status: Status,
    /// What it wrote to standard output.
    pub stdout: String,
    /// What it wrote to standard error.
    pub stderr: String,
    /// Not all of its output is there.
    pub truncated: bool,
    /// The value of its last expression, at most 60 levels deep.
    pub result: Value,
    /// Why it did not end well.
    pub error: Option<ScriptError>,
    /// The files that it has written or changed.
    pub files: Vec<ScriptFile>,
    /// How long it took.
    pub duration: Duration,
}

impl Outcome {
    /// That of a script which was cancelled before its turn came.
    pub fn cancelled() -> Self {
        Self {
            status: Status::Cancelled,
            stdout: String::new(),
            stderr: String::new(),
            truncated: false,
            result: Value::Null,
            error: Some(ScriptError::cancelled()),
            files: Vec::new(),
            duration: Duration::ZERO,
        }
    }
}

/// How a script ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Well.
    Ok,
    /// With an error of its own.
    Error,
    /// It took too long.
    Timeout,
    /// It used too much memory.
    MemoryLimit,
    /// It wrote too much.
    OutputLimit,
    /// Its interpreter died.
    Crashed,
    /// Its owner has ended it.
    Cancelled,
}

/// An error, for the model or person that mends the script.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScriptError {
    /// The error's class, e.g. `TypeError`.
    pub r#type: String,
    /// What it says.
    pub message: String,
    /// The line of the script, counted from 1.
    pub line: Option<u32>,
    /// Where it came from, as the language prints it.
    pub traceback: Option<String>,
}

impl ScriptError {
    /// An error that is no exception of the script's.
    pub(super) fn new(r#type: &str, message: impl Into<String>) -> Self {
        Self { r#type: r#type.to_owned(), message: message.into(), line: None, traceback: None }
    }

    pub(super) fn timeout(timeout_ms: u64) -> Self {
        Self::new("Timeout", format!("The script took longer than {timeout_ms} ms"))
    }

    pub(super) fn cancelled() -> Self {
        Self::new("Cancelled", "The script was cancelled")
    }

    pub(super) fn output_limit(bytes: u64) -> Self {
        let message = format!("The script wrote or returned more than {bytes} bytes");
        Self::new("OutputLimit", message)
    }

    pub(super) fn memory_limit(bytes: u64) -> Self {
        Self::new("MemoryLimit", format!("The script used more than {bytes} bytes of memory"))
    }

    pub(super) fn too_many_files(bytes: u64) -> Self {
        let message =
            format!("A script may leave at most {MAX_FILES} files with {bytes} bytes in all");
        Self::new("FilesLimit", message)
    }
}
