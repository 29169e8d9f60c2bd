//! The input and output of the sandbox.

use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

/// A language that scripts are written in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// QuickJS, which is part of the program.
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
    /// The value of the global `input`.
    pub input: Option<Value>,
    /// The files in `/files`; their names are unique.
    pub files: Vec<ScriptFile>,
    /// The time limit of this run.
    pub timeout: Duration,
    /// Ends the script early.
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

/// The limits of every script.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The longest that a script may run.
    pub timeout: Duration,
    /// Memory in bytes, files in `/files` and `/tmp` included.
    pub memory_bytes: u64,
    /// Standard output and standard error together, in bytes; the result has the same limit.
    pub output_bytes: u64,
}

impl Limits {
    /// The total size of `/files`, staged files included: a quarter of the memory, because files are
    /// held in memory, and at most 64 MiB.
    pub fn files_bytes(&self) -> u64 {
        (self.memory_bytes / 4).min(64 << 20)
    }
}

/// How many files may be in `/files` at the end.
pub const MAX_FILES: usize = 100;

/// The outcome of a script.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// How it ended.
    pub status: Status,
    /// What it wrote to standard output.
    pub stdout: String,
    /// What it wrote to standard error.
    pub stderr: String,
    /// Whether some of the output is missing.
    pub truncated: bool,
    /// The value of its last expression, at most 60 levels deep.
    pub result: Value,
    /// The error, unless the status is `Ok`.
    pub error: Option<ScriptError>,
    /// The files that it has written or changed.
    pub files: Vec<ScriptFile>,
    /// How long it ran.
    pub duration: Duration,
}

impl Outcome {
    /// The outcome of a script that was cancelled before it started.
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
    /// It was cancelled.
    Cancelled,
}

/// An error of a script, for its author.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScriptError {
    /// The error's class, e.g. `TypeError`.
    pub r#type: String,
    /// The message.
    pub message: String,
    /// The line of the script, counted from 1.
    pub line: Option<u32>,
    /// The stack trace, in the format of the language.
    pub traceback: Option<String>,
}

impl ScriptError {
    /// An error that the script itself did not throw.
    pub(crate) fn new(r#type: &str, message: impl Into<String>) -> Self {
        Self { r#type: r#type.to_owned(), message: message.into(), line: None, traceback: None }
    }

    pub(crate) fn timeout(timeout_ms: u64) -> Self {
        Self::new("Timeout", format!("The script took longer than {timeout_ms} ms"))
    }

    pub(crate) fn cancelled() -> Self {
        Self::new("Cancelled", "The script was cancelled")
    }

    pub(crate) fn output_limit(bytes: u64) -> Self {
        let message = format!("The script wrote or returned more than {bytes} bytes");
        Self::new("OutputLimit", message)
    }

    pub(crate) fn memory_limit(bytes: u64) -> Self {
        Self::new("MemoryLimit", format!("The script used more than {bytes} bytes of memory"))
    }

    pub(crate) fn too_many_files(bytes: u64) -> Self {
        let message =
            format!("A script may leave at most {MAX_FILES} files with {bytes} bytes in all");
        Self::new("FilesLimit", message)
    }
}
