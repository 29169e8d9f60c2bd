//! Runs one script and prints its outcome.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::process::ExitCode;
use std::time::Duration;

use sandbox::{Language, Limits, Sandbox, Script, Settings, Status, worker};
use uuid::Uuid;

const EXAMPLE: &str = "console.log('Hello from a worker'); [1, 2, 3].map(n => n * n)";

const LIMITS: Limits =
    Limits { timeout: Duration::from_secs(5), memory_bytes: 256 << 20, output_bytes: 64 << 10 };

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // First of all: this program is also its own worker.
    if let Some((worker::ARGUMENT, rest)) =
        arguments.split_first().map(|(first, rest)| (first.as_str(), rest))
    {
        return worker::main(rest);
    }
    let (language, code) = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => (Language::JavaScript, EXAMPLE.to_owned()),
        ["--python", code] => (Language::Python, code.to_owned()),
        [code] => (Language::JavaScript, code.to_owned()),
        _ => {
            eprintln!("Usage: run [[--python] CODE]");
            return ExitCode::FAILURE;
        }
    };
    match run(language, code) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::FAILURE
        }
    }
}

#[tokio::main]
async fn run(language: Language, code: String) -> Result<(), String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let sandbox = Sandbox::new(Settings {
        program,
        python: Some("python3".into()),
        private: Vec::new(),
        limits: LIMITS,
        workers: 1,
    });
    let script = Script { code, timeout: LIMITS.timeout, ..Script::default() };
    let outcome = sandbox.slot(Uuid::nil(), language).await?.run(&script).await?;
    print!("{}", outcome.stdout);
    eprint!("{}", outcome.stderr);
    println!("{:?} after {:?}: {}", outcome.status, outcome.duration, outcome.result);
    match outcome.error {
        Some(error) => {
            let trace = error.traceback.unwrap_or_default();
            Err(format!("{}: {}\n{trace}", error.r#type, error.message))
        }
        None if outcome.status == Status::Ok => Ok(()),
        None => Err("the script did not end well".into()),
    }
}
