//! Runs scripts that nobody has read, under limits. It knows nothing of HTTP.
//!
//! A script runs in a worker, a process that the server starts from its own program, speaks to over
//! pipes, watches, and can kill. JavaScript is QuickJS in this program; Python is the host's own,
//! confined by bubblewrap, where Linux has both. The engine's limits come first; time, memory, output
//! and files are held to from outside as well, because an engine cannot look up in the middle of one
//! long operation.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::watch as channel;
use tracing::{info, warn};
use uuid::Uuid;

mod cut;
#[cfg(not(target_os = "linux"))]
mod elsewhere;
mod idle;
mod javascript;
#[cfg(target_os = "linux")]
mod linux;
mod model;
mod outcome;
mod output;
#[cfg(target_os = "linux")]
mod privileges;
mod process;
mod protocol;
#[cfg(target_os = "linux")]
mod python;
mod talk;
mod turns;
mod watch;
pub mod worker;

#[cfg(not(target_os = "linux"))]
use elsewhere as platform;
#[cfg(target_os = "linux")]
use linux as platform;

use idle::Idle;
pub use model::{Language, Limits, MAX_FILES, Outcome, Script, ScriptError, ScriptFile, Status};
use process::{Launch, Worker};
use turns::{Turn, Turns};
use watch::Watch;

/// After so many scripts a worker for JavaScript is replaced.
const RUNS_PER_WORKER: u32 = 50;
/// What a worker for JavaScript needs besides its script's memory.
const JAVASCRIPT_BYTES: u64 = 24 << 20;

/// How the sandbox is set up.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The program that becomes a worker: this one.
    pub program: PathBuf,
    /// The Python to use; none turns Python off.
    pub python: Option<PathBuf>,
    /// Files and folders that no script may see, even inside of what Python needs.
    pub private: Vec<PathBuf>,
    /// What scripts have to keep to.
    pub limits: Limits,
    /// How many scripts run at once.
    pub workers: usize,
}

/// The sandbox. Clones share its workers.
#[derive(Clone)]
pub struct Sandbox {
    inner: Arc<Inner>,
}

struct Inner {
    settings: Settings,
    turns: Turns,
    idle: Idle,
    python: channel::Receiver<Option<Python>>,
}

/// What is known of Python.
type Python = Result<Arc<PythonReady>, String>;

struct PythonReady {
    launch: Arc<Launch>,
    inventory: Inventory,
}

/// What a language brings.
#[derive(Clone, Debug, serde::Deserialize)]
pub struct Inventory {
    /// The interpreter's version.
    pub version: String,
    /// Well-known modules that are installed beside the standard library.
    pub modules: Vec<String>,
}

impl Sandbox {
    /// The sandbox; finds out in the background whether there is a Python.
    pub fn new(settings: Settings) -> Self {
        let (found, python) = channel::channel(None);
        let inner = Inner {
            turns: Turns::new(settings.workers),
            idle: Idle::new(settings.workers),
            settings: settings.clone(),
            python,
        };
        tokio::spawn(async move {
            let python = find_python(&settings).await;
            match &python {
                Ok(python) => info!(version = python.inventory.version, "scripts can be Python"),
                Err(reason) => info!("scripts cannot be Python: {reason}"),
            }
            found.send_replace(Some(python));
        });
        Self { inner: Arc::new(inner) }
    }

    /// What scripts have to keep to.
    pub fn limits(&self) -> &Limits {
        &self.inner.settings.limits
    }

    /// What Python brings, or why there is none.
    pub async fn python(&self) -> Result<Inventory, String> {
        Ok(self.find_python().await?.inventory.clone())
    }

    /// Whether Python is known to be there.
    pub fn has_python(&self) -> bool {
        matches!(&*self.inner.python.borrow(), Some(Ok(_)))
    }

    async fn find_python(&self) -> Python {
        let mut python = self.inner.python.clone();
        let found = python.wait_for(Option::is_some).await;
        found.ok().and_then(|found| found.clone()).unwrap_or_else(|| Err("is not known".into()))
    }

    /// Waits until it is this user's turn. `Err` says why this language cannot be run.
    pub async fn slot(&self, user: Uuid, language: Language) -> Result<Slot<'_>, String> {
        let launch = self.launch(language).await?;
        let turn = self.inner.turns.take(user).await;
        Ok(Slot { sandbox: self, user, language, launch, _turn: turn })
    }

    async fn launch(&self, language: Language) -> Result<Arc<Launch>, String> {
        match language {
            Language::JavaScript => Ok(Arc::new(javascript_launch(&self.inner.settings))),
            Language::Python => Ok(self.find_python().await?.launch.clone()),
        }
    }

    /// Starts another worker, so that the next script need not wait for it.
    fn replace(&self, language: Language, launch: Arc<Launch>, spent: Worker) {
        drop(spent);
        let inner = Arc::downgrade(&self.inner);
        tokio::spawn(async move {
            match (Worker::start(&launch).await, inner.upgrade()) {
                (Ok(worker), Some(inner)) => inner.idle.put(language, None, worker),
                (Err(error), _) => warn!("a worker could not be replaced: {error}"),
                _ => {}
            }
        });
    }
}

/// The right to run a script now.
pub struct Slot<'a> {
    sandbox: &'a Sandbox,
    user: Uuid,
    language: Language,
    launch: Arc<Launch>,
    _turn: Turn,
}

impl Slot<'_> {
    /// Runs a script. `Err` says why no worker could be started. Dropping the future ends the script.
    pub async fn run(&self, script: &Script) -> Result<Outcome, String> {
        let inner = &self.sandbox.inner;
        let mut worker = match inner.idle.take(self.language, self.user) {
            Some(worker) => worker,
            None => Worker::start(&self.launch).await?,
        };
        let outcome = worker.run(script, &inner.settings.limits).await;
        if worker.is_spent || worker.runs >= RUNS_PER_WORKER {
            self.sandbox.replace(self.language, self.launch.clone(), worker);
        } else {
            inner.idle.put(self.language, Some(self.user), worker);
        }
        Ok(outcome)
    }
}

fn javascript_launch(settings: &Settings) -> Launch {
    let memory = settings.limits.memory_bytes;
    let arguments = [worker::ARGUMENT, "javascript", &memory.to_string()];
    let watch = Watch::Process { max_bytes: memory + memory / 4 + JAVASCRIPT_BYTES };
    Launch {
        program: settings.program.clone(),
        arguments: arguments.map(str::to_owned).to_vec(),
        has_pipes: false,
        watch,
    }
}

/// Runs Python once: containers often refuse what bubblewrap needs.
#[cfg(target_os = "linux")]
async fn find_python(settings: &Settings) -> Python {
    use std::time::Duration;

    let program = settings.python.as_ref().ok_or("it is turned off")?;
    let interpreter = python::find(program).await?;
    let launch =
        python::launch(&settings.program, &interpreter, &settings.private, &settings.limits)?;
    let mut worker = Worker::start(&launch).await?;
    if !worker.is_watched() {
        return Err("this system does not show how much memory it uses".into());
    }
    let script = Script {
        code: python::INVENTORY.to_owned(),
        timeout: Duration::from_secs(10),
        ..Script::default()
    };
    let outcome = worker.run(&script, &settings.limits).await;
    let inventory = serde_json::from_value(outcome.result);
    let inventory = inventory.map_err(|_| "it does not run in the sandbox".to_owned())?;
    Ok(Arc::new(PythonReady { launch: Arc::new(launch), inventory }))
}

#[cfg(not(target_os = "linux"))]
async fn find_python(_: &Settings) -> Python {
    Err("Python scripts need Linux".into())
}
