//! The settings of scripts.

use std::path::PathBuf;
use std::time::Duration;

use super::env::Env;
use super::error::ConfigError;

/// How scripts are run.
#[derive(Clone, Debug)]
pub struct ScriptConfig {
    /// The program that becomes a worker; only tests set another than this one.
    pub program: PathBuf,
    /// `SCRIPT_PYTHON`: an interpreter or virtual environment; none when it is `off`.
    pub python: Option<PathBuf>,
    /// `SCRIPT_TIMEOUT_MS`: how long a script may take unless its request says otherwise.
    pub timeout: Duration,
    /// `SCRIPT_TIMEOUT_MAX_MS`: the longest that a request may say.
    pub max_timeout: Duration,
    /// `SCRIPT_MEMORY_BYTES`: the most memory that a script may use.
    pub memory_bytes: u64,
    /// `SCRIPT_OUTPUT_BYTES`: the most that a script may write or return.
    pub output_bytes: u64,
    /// `SCRIPT_WORKERS`: how many scripts run at once.
    pub workers: usize,
    /// `SCRIPT_RUNS_RETENTION_DAYS`: how long runs are kept; none is for ever.
    pub retention: Option<Duration>,
}

impl ScriptConfig {
    pub(super) fn read(env: &Env<'_>) -> Result<Self, ConfigError> {
        let python = env.text("SCRIPT_PYTHON", "python3");
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let timeout_ms = env.within("SCRIPT_TIMEOUT_MS", 5_000, 1..=600_000)?;
        let longest = timeout_ms.max(30_000);
        let max_timeout_ms = env.within("SCRIPT_TIMEOUT_MAX_MS", longest, timeout_ms..=600_000)?;
        Ok(Self {
            program: this_program()?,
            python: (!python.eq_ignore_ascii_case("off")).then(|| python.into()),
            timeout: Duration::from_millis(timeout_ms),
            max_timeout: Duration::from_millis(max_timeout_ms),
            memory_bytes: env.within("SCRIPT_MEMORY_BYTES", 256 << 20, (16 << 20)..=(64 << 30))?,
            output_bytes: env.within("SCRIPT_OUTPUT_BYTES", 1 << 20, (1 << 10)..=(16 << 20))?,
            workers: env.positive("SCRIPT_WORKERS", cores)?,
            retention: retention(env)?,
        })
    }
}

/// 0 keeps them.
fn retention(env: &Env<'_>) -> Result<Option<Duration>, ConfigError> {
    let days = env.within("SCRIPT_RUNS_RETENTION_DAYS", 90, 0..=36_500)?;
    Ok((days > 0).then(|| Duration::from_secs(days * 86_400)))
}

/// On Linux a path that stays valid when the file is replaced by a newer version.
fn this_program() -> Result<PathBuf, ConfigError> {
    if cfg!(target_os = "linux") {
        return Ok("/proc/self/exe".into());
    }
    std::env::current_exe().map_err(|error| {
        ConfigError::new(
            "SCRIPT_PYTHON",
            format!("this program does not know its own path: {error}"),
        )
    })
}
