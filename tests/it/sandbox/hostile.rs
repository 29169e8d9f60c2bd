//! Scripts that want more than they may have. Each has to end as it should and in time, the next
//! script must not notice, and nothing may be left behind.

use futures_util::{StreamExt, stream};

use super::*;

mod javascript;
mod python;

/// The limit of scripts that may reach it, and of those that should not, also beside many other tests.
const SHORT: Duration = Duration::from_millis(250);
const LIMIT: Duration = Duration::from_secs(10);
/// How much longer it may take on a machine that has other things to do.
const TOLERANCE: Duration = Duration::from_secs(1);

/// Small limits, so that reaching them takes little time.
fn tight(memory_bytes: u64) -> Settings {
    let limits = Limits { timeout: LIMIT, memory_bytes, output_bytes: 64 << 10 };
    Settings { limits, workers: 4, ..settings() }
}

/// Runs scripts side by side against the statuses that they may end with, separated by `|`. They are
/// followed by one that means well: each in JavaScript, where one worker runs many.
async fn attack(sandbox: &Sandbox, language: Language, attacks: &[(&str, &str)]) {
    let harmless = match language {
        Language::JavaScript => "[1, 2, 3].length",
        Language::Python => "len([1, 2, 3])",
    };
    let pairs = attacks.iter().enumerate().map(|(number, (code, expected))| async move {
        let limit = if expected.contains("timeout") { SHORT } else { LIMIT };
        let outcome = timed(sandbox, language, code, limit).await;
        let next = match language {
            Language::Python if number % 10 != 9 => None,
            _ => Some(timed(sandbox, language, harmless, LIMIT).await),
        };
        let problem = contained(&outcome, expected, limit, next.as_ref()).err()?;
        Some(format!("{problem}: {code}\n{:.600}\n", format!("{outcome:?}")))
    });
    let results: Vec<_> = stream::iter(pairs).buffer_unordered(4).collect().await;
    let broken: Vec<_> = results.into_iter().flatten().collect();
    assert!(broken.is_empty(), "{} of {}:\n{}", broken.len(), attacks.len(), broken.join("\n"));
}

fn contained(
    outcome: &Outcome,
    expected: &str,
    limit: Duration,
    next: Option<&Outcome>,
) -> Result<(), String> {
    let status = json!(outcome.status);
    let output = outcome.stdout.len() + outcome.stderr.len();
    if !expected.split('|').any(|expected| status == expected) {
        return Err(format!("{status}, not {expected}"));
    }
    if outcome.duration > limit + TOLERANCE {
        return Err(format!("it took {:?}", outcome.duration));
    }
    if outcome.error.is_none() != (outcome.status == Status::Ok) {
        return Err("it has no error, or should not have one".into());
    }
    // A byte that is no text becomes a character of three.
    if output > 3 * (64 << 10) {
        return Err(format!("{output} bytes of output"));
    }
    match next.filter(|next| next.result != json!(3)) {
        Some(next) => Err(format!("the next script ended with {next:?}")),
        None => Ok(()),
    }
}

async fn timed(sandbox: &Sandbox, language: Language, code: &str, timeout: Duration) -> Outcome {
    let script = Script { timeout, ..script(code) };
    sandbox.slot(USER, language).await.unwrap().run(&script).await.unwrap()
}

/// Waits until no process of a sandbox is left; its limit of memory tells whose a process is.
#[cfg(target_os = "linux")]
async fn nothing_is_left(memory_bytes: u64) {
    let mark = memory_bytes.to_string();
    let left = || {
        let processes = std::fs::read_dir("/proc").unwrap().flatten();
        let lines = processes.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
        lines.filter(|line| String::from_utf8_lossy(line).contains(&mark)).count()
    };
    let gone = async {
        while left() > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), gone).await.expect("workers are left");
}

#[tokio::test]
async fn javascript() {
    let memory_bytes = (64 << 20) + 1;
    let sandbox = Sandbox::new(tight(memory_bytes));
    attack(&sandbox, Language::JavaScript, javascript::SCRIPTS).await;
    drop(sandbox);
    #[cfg(target_os = "linux")]
    nothing_is_left(memory_bytes).await;
}

#[tokio::test]
async fn python() {
    let memory_bytes = (64 << 20) + 2;
    let Some(sandbox) = with_python(tight(memory_bytes)).await else { return };
    attack(&sandbox, Language::Python, python::SCRIPTS).await;
    let script = Script { input: Some(json!(python::REFUSED)), ..script(python::TRY_ALL) };
    let outcome = sandbox.slot(USER, Language::Python).await.unwrap().run(&script).await.unwrap();
    assert_eq!((outcome.status, outcome.result), (Status::Ok, json!([])), "{:?}", outcome.error);
    drop(sandbox);
    #[cfg(target_os = "linux")]
    nothing_is_left(memory_bytes).await;
}
