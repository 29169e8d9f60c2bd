//! Python: the host's own CPython, confined by bubblewrap. Each script has a process of its own,
//! which is started before it is needed.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde::Deserialize;
use tokio::process::Command;
use tokio::time::timeout;

use super::model::Limits;
use super::process::{Launch, Watch};
use super::{platform, worker};

/// The program that runs inside.
const RUNNER: &str = include_str!("runner.py");
/// A script that says what there is.
pub(super) const INVENTORY: &str = include_str!("inventory.py");
/// How long the interpreter may take to say where it is.
const DESCRIBE: Duration = Duration::from_secs(10);
/// Files in `/files` and `/tmp` at any time.
const MAX_STORED_FILES: u64 = 2_000;
/// What Python may have in `/tmp`.
const TMP_BYTES: u64 = 32 << 20;
/// What the interpreter needs for itself.
const INTERPRETER_BYTES: u64 = 16 << 20;

const DESCRIPTION: &str = "import json, os, sys; print(json.dumps({'program': sys.executable, \
     'version': sys.version_info[:2], \
     'folders': [sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix, \
     os.path.dirname(os.path.dirname(os.path.realpath(sys.executable)))]}))";

/// Where an interpreter is, as it says itself.
#[derive(Debug, Deserialize)]
pub(super) struct Interpreter {
    program: String,
    version: (u32, u32),
    folders: Vec<PathBuf>,
}

/// Asks an interpreter, or that of a virtual environment, where it is. It is the operator's and runs
/// without a sandbox here.
pub(super) async fn find(python: &Path) -> Result<Interpreter, String> {
    let inside = python.join("bin/python");
    let python = if inside.exists() { inside.as_path() } else { python };
    let mut command = Command::new(python);
    command.args(["-I", "-c", DESCRIPTION]).stdin(Stdio::null()).kill_on_drop(true);
    let missing = || format!("there is no Python at {}", python.display());
    let output = timeout(DESCRIBE, command.output()).await.map_err(|_| missing())?;
    let output = output.map_err(|_| missing())?;
    let interpreter: Interpreter = serde_json::from_slice(&output.stdout).map_err(|_| missing())?;
    if interpreter.version < (3, 8) {
        return Err("Python is older than 3.8".into());
    }
    Ok(interpreter)
}

/// How a worker with this interpreter is started.
pub(super) fn launch(program: &Path, interpreter: &Interpreter, limits: &Limits) -> Launch {
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
        .chain(sandbox(limits))
        .chain(folders(&interpreter.folders))
        .chain(["--remount-ro", "/"].map(str::to_owned))
        .chain(run.map(str::to_owned))
        .collect();
    let watch = Watch::Grandchild {
        max_bytes: limits.memory_bytes + INTERPRETER_BYTES,
        max_files: MAX_STORED_FILES,
    };
    Launch { program: program.to_owned(), arguments, has_pipes: true, watch }
}

/// Namespaces of its own, no capabilities, nothing of the host but the system's programs, to be
/// read; `/files` and `/tmp` in memory.
fn sandbox(limits: &Limits) -> Vec<String> {
    let files = limits.files_bytes().to_string();
    let tmp = TMP_BYTES.min(limits.files_bytes()).to_string();
    let arguments = [
        "--unshare-all",
        "--unshare-user",
        "--uid",
        "1000",
        "--gid",
        "1000",
        "--hostname",
        "sandbox",
        "--die-with-parent",
        "--new-session",
        "--cap-drop",
        "ALL",
        "--setenv",
        "PATH",
        "/usr/bin:/bin",
        "--setenv",
        "HOME",
        "/tmp",
        "--setenv",
        "LANG",
        "C.UTF-8",
        "--setenv",
        "MPLCONFIGDIR",
        "/tmp",
        "--setenv",
        "MPLBACKEND",
        "agg",
        "--setenv",
        "OPENBLAS_NUM_THREADS",
        "1",
        "--ro-bind",
        "/usr",
        "/usr",
        "--ro-bind-try",
        "/etc/ld.so.cache",
        "/etc/ld.so.cache",
        "--ro-bind-try",
        "/etc/alternatives",
        "/etc/alternatives",
        "--dev",
        "/dev",
        "--remount-ro",
        "/dev",
        "--size",
        &files,
        "--tmpfs",
        "/files",
        "--size",
        &tmp,
        "--tmpfs",
        "/tmp",
        "--chdir",
        "/files",
    ];
    arguments.map(str::to_owned).to_vec()
}

/// The folders of the system's and the interpreter's programs that are not in `/usr`.
fn folders(interpreter: &[PathBuf]) -> Vec<String> {
    let mut arguments = Vec::new();
    for system in ["/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"] {
        match std::fs::read_link(system) {
            Ok(target) => arguments.extend(["--symlink".into(), text(&target), system.into()]),
            Err(_) => arguments.extend(["--ro-bind-try", system, system].map(str::to_owned)),
        }
    }
    let mut bound: Vec<&PathBuf> = Vec::new();
    for folder in interpreter {
        let is_system = folder.starts_with("/usr") || folder.parent().is_none();
        if !is_system && !bound.contains(&folder) {
            arguments.extend(["--ro-bind".into(), text(folder), text(folder)]);
            bound.push(folder);
        }
    }
    arguments
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
