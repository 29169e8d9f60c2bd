//! Python: the host's CPython, confined by bubblewrap. Each script has a process of its own, which is
//! started in advance.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde::Deserialize;
use tokio::process::Command;
use tokio::time::timeout;

use super::model::Limits;
use super::platform;
use super::process::{Launch, START};
use super::watchdog::Watchdog;
use super::worker::{self, RunAs};

mod mount_points;
mod mounts;
mod layout;
mod bubblewrap;

use layout::Layout;

/// The program that runs inside the sandbox.
const RUNNER: &str =
    concat!(include_str!("results.py"), include_str!("display.py"), include_str!("runner.py"));
/// A script that reports what is available.
pub(super) const INVENTORY: &str = include_str!("inventory.py");
/// The timeout for locating the interpreter.
const DESCRIBE: Duration = Duration::from_secs(10);
/// The timeout for a worker that imports modules to start.
const PREPARE: Duration = Duration::from_secs(60);
/// Files in `/files` and `/tmp` at any time.
const MAX_STORED_FILES: u64 = 2_000;
/// What the interpreter needs for itself.
const INTERPRETER_BYTES: u64 = 16 << 20;

/// The base interpreter of a virtual environment, whose own program may be a copy.
const DESCRIPTION: &str = "import json, os, site, sys
base = getattr(sys, '_base_executable', None)
program = base if base and os.path.exists(base) else sys.executable
print(json.dumps({'version': sys.version_info[:2], 'program': os.path.realpath(program), \
    'packages': site.getsitepackages()}))";

/// What takes long to import and is used by many scripts.
const SLOW_MODULES: [&str; 2] = ["pandas", "matplotlib"];
/// What is imported for scripts that name one of them.
const PREPARED_MODULES: [&str; 3] = ["pandas", "matplotlib.pyplot", "openpyxl"];
/// With less memory, modules that a script may not use would take too much of it.
const MIN_PREPARED_BYTES: u64 = 192 << 20;

/// An interpreter, as it describes itself.
#[derive(Debug, Deserialize)]
pub(super) struct Interpreter {
    /// Its program, links resolved.
    program: PathBuf,
    version: (u32, u32),
    /// The folders of its packages, or of its virtual environment's.
    packages: Vec<PathBuf>,
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

/// Whether a script uses what takes long to import.
pub(super) fn is_slow_to_import(code: &str) -> bool {
    SLOW_MODULES.iter().any(|module| code.contains(module))
}

/// The modules that are imported before there is a script; none where there are no slow ones.
pub(super) fn prepared_modules(installed: &[String], limits: &Limits) -> Vec<&'static str> {
    let is_installed = |name: &str| installed.iter().any(|module| module == name);
    if limits.memory_bytes < MIN_PREPARED_BYTES
        || !SLOW_MODULES.iter().any(|name| is_installed(name))
    {
        return Vec::new();
    }
    let modules = PREPARED_MODULES.into_iter();
    modules.filter(|name| is_installed(name.split('.').next().unwrap_or(name))).collect()
}

/// The command that starts a worker with this interpreter, which imports these modules before it is
/// ready. `Err` says why it must not be started.
pub(super) fn launch(
    program: &Path,
    interpreter: &Interpreter,
    private: &[PathBuf],
    limits: &Limits,
    run_as: RunAs,
    modules: &[&str],
) -> Result<Launch, String> {
    let start = [
        worker::ARGUMENT.to_owned(),
        "python".to_owned(),
        limits.memory_bytes.to_string(),
        limits.files_bytes().to_string(),
        run_as.as_str().to_owned(),
        "bwrap".to_owned(),
    ];
    let layout = Layout::new(&interpreter.program, &interpreter.packages);
    let filter: String =
        platform::no_exec_filter().iter().map(|byte| format!("{byte:02x}")).collect();
    let run = ["--", &layout.program, "-I", "-S", "-B", "-X", "utf8", "-c", RUNNER];
    let run = run.into_iter().chain([&*filter, &*layout.packages]).chain(modules.iter().copied());
    let arguments = start
        .into_iter()
        .chain(bubblewrap::arguments(&layout, private, limits.files_bytes())?)
        .chain(run.map(str::to_owned))
        .collect();
    let watchdog = Watchdog::Grandchild {
        max_bytes: limits.memory_bytes + INTERPRETER_BYTES,
        max_files: MAX_STORED_FILES,
    };
    let start_timeout = if modules.is_empty() { START } else { PREPARE };
    Ok(Launch { program: program.to_owned(), arguments, has_pipes: true, watchdog, start_timeout })
}
