//! The sandbox itself: scripts that mean well, and scripts that do not.

use std::io::Write;
use std::time::Duration;

use chat_backend::sandbox::{
    Language, Limits, Outcome, Sandbox, Script, ScriptFile, Settings, Status,
};
use serde_json::{Value, json};
use uuid::Uuid;

mod console;
mod hostile;
mod ordinary;
#[cfg(target_os = "linux")]
mod private;
#[cfg(target_os = "linux")]
mod prepared;
#[cfg(target_os = "linux")]
mod workers;

const LIMITS: Limits =
    Limits { timeout: Duration::from_secs(5), memory_bytes: 256 << 20, output_bytes: 1 << 20 };

/// Whose scripts are run.
const USER: Uuid = Uuid::from_u128(1);

fn settings() -> Settings {
    Settings {
        program: env!("CARGO_BIN_EXE_chat-backend").into(),
        python: Some("python3".into()),
        private: Vec::new(),
        limits: LIMITS,
        workers: 2,
    }
}

/// A sandbox that has no need of Python.
fn sandbox() -> Sandbox {
    Sandbox::new(Settings { python: None, ..settings() })
}

fn script(code: &str) -> Script {
    Script { code: code.into(), timeout: LIMITS.timeout, ..Script::default() }
}

/// Runs a script without input and files.
async fn run(sandbox: &Sandbox, language: Language, code: &str) -> Outcome {
    sandbox.slot(USER, language).await.unwrap().run(&script(code)).await.unwrap()
}

fn file(name: &str, data: &str) -> ScriptFile {
    ScriptFile { name: name.into(), data: data.to_owned().into() }
}

/// A sandbox with Python, or a visible note that there is none here.
async fn with_python(settings: Settings) -> Option<Sandbox> {
    let sandbox = Sandbox::new(settings);
    match sandbox.python().await {
        Ok(_) => Some(sandbox),
        Err(reason) => {
            skipped(&reason);
            None
        }
    }
}

/// Says that Python was not tested. Written past the harness, which keeps what passing tests print.
pub fn skipped(reason: &str) {
    let line = format!("SKIPPED: Python scripts cannot run here: {reason}\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}
