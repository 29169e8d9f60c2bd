//! Python: the host's CPython, confined by bubblewrap. Each script has a process of its own, which is
//! started in advance.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde::Deserialize;
use tokio::process::Command;
use tokio::time::timeout;

use super::model::Limits;
use super::process::Launch;
use super::watchdog::Watchdog;
use super::{platform, worker};

mod bubblewrap;
mod mounts;

/// The program that runs inside the sandbox.
const RUNNER: &str = include_str!("runner.py");
/// A script that reports what is available.
pub(super) const INVENTORY: &str = include_str!("inventory.py");
/// The timeout for locating the interpreter.
const DESCRIBE: Duration = Duration::from_secs(10);
/// Files in `/files` and `/tmp` at any time.
const MAX_STORED_FILES: u64 = 2_000;
/// What the interpreter needs for itself.
const INTERPRETER_BYTES: u64 = 16 << 20;

const DESCRIPTION: &str = "import json, os, sys; print(json.dumps({'program': sys.executable, \
     'version': sys.version_info[:2], \
     'folders': [sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix, \
     os.path.dirname(os.path.dirname(os.path.realpath(sys.executable)))]}))";

/// The location of an interpreter, as it reports it.
#[derive(Debug, Deserialize)]
pub(super) struct Interpreter {
    program: String,
    version: (u32, u32),
    folders: Vec<PathBuf>,
}

/// Asks an interpreter, or that of a virtual environment, for its location. It belongs to the operator
/// and runs outside of the sandbox here.
pub(super) async fn find(python: &Path) -> Result<Interpreter, String> {
    let inside = python.join("bin/python");
    let python = if inside.exists() { inside.as_path() } else { python };
    let mut command = Command::new(python);
    command.args(["-I", "-c", DESCRIPTION]).stdin(Stdio::null()).kill_on_drop(true);
    let missing = || "there is no Python 3 interpreter at the configured path".to_owned();
    let output = timeout(DESCRIBE, command.output()).await.map_err(|_| missing())?;
    let output = output.map_err(|_| missing())?;
    let interpreter: Interpreter = serde_json::from_slice(&output.stdout).map_err(|_| missing())?;
    if interpreter.version < (3, 8) {
        return Err("Python is older than 3.8".into());
    }
    Ok(interpreter)
}

/// The command that starts a worker with this interpreter. `Err` says why it must not be started.
pub(super) fn launch(
    program: &Path,
    interpreter: &Interpreter,
    private: &[PathBuf],
    limits: &Limits,
) -> Result<Launch, String> {
    let start = [
        worker::ARGUMENT.to_owned(),
        "python".to_owned(),
        limits.memory_bytes.to_string(),
        limits.files_bytes().to_string(),
        "bwrap".to_owned(),
    ];
    let filter: String =
        platform::no_exec_filter().iter().map(|byte| format!("{byte:02x}")).collect();
    let run = ["--", &interpreter.program, "-I", "-B", "-X", "utf8", "-c", RUNNER, &filter];
    let arguments = start
        .into_iter()
        .chain(bubblewrap::arguments(&interpreter.folders, private, limits.files_bytes())?)
        .chain(run.map(str::to_owned))
        .collect();
    let watchdog = Watchdog::Grandchild {
        max_bytes: limits.memory_bytes + INTERPRETER_BYTES,
        max_files: MAX_STORED_FILES,
    };
    Ok(Launch { program: program.to_owned(), arguments, has_pipes: true, watchdog })
}
