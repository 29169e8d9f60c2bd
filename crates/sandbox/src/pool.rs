//! The sandbox: a pool of workers and a fair queue for them.

use std::path::PathBuf;
use std::sync::Arc;

use serde::Deserialize;
use tokio::sync::watch;
use tracing::{info, warn};
use uuid::Uuid;

use super::fair_queue::{FairQueue, Permit};
use super::idle_workers::IdleWorkers;
use super::model::{Language, Limits, Outcome, Script};
use super::process::{Launch, Worker};
#[cfg(target_os = "linux")]
use super::python;
use super::watchdog::Watchdog;
use super::worker;

/// A worker for JavaScript is replaced after this many scripts.
const RUNS_PER_WORKER: u32 = 50;
/// The memory of a worker for JavaScript besides its script's.
const JAVASCRIPT_BYTES: u64 = 24 << 20;

/// The settings of a sandbox.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The program that is started as a worker, usually the current one.
    pub program: PathBuf,
    /// The Python interpreter or virtual environment; `None` turns Python off.
    pub python: Option<PathBuf>,
    /// Files and folders that no script may see, even inside of folders that Python needs.
    pub private: Vec<PathBuf>,
    /// The limits of every script.
    pub limits: Limits,
    /// How many scripts may run at once.
    pub workers: usize,
}

/// A sandbox. Clones share its workers.
#[derive(Clone)]
pub struct Sandbox {
    inner: Arc<Inner>,
}

struct Inner {
    settings: Settings,
    queue: FairQueue,
    idle: IdleWorkers,
    python: watch::Receiver<Option<Python>>,
}

/// Python, or why it is not available.
type Python = Result<Arc<PythonReady>, String>;

struct PythonReady {
    launch: Arc<Launch>,
    inventory: Inventory,
}

/// What an interpreter provides.
#[derive(Clone, Debug, Deserialize)]
pub struct Inventory {
    /// The interpreter's version.
    pub version: String,
    /// Well-known modules that are installed beside the standard library.
    pub modules: Vec<String>,
}

impl Sandbox {
    /// Creates a sandbox. Whether Python is available is determined in the background.
    pub fn new(settings: Settings) -> Self {
        let (found, python) = watch::channel(None);
        let inner = Inner {
            queue: FairQueue::new(settings.workers),
            idle: IdleWorkers::new(settings.workers),
            settings: settings.clone(),
            python,
        };
        tokio::spawn(async move {
            let python = find_python(&settings).await;
            match &python {
                Ok(python) => {
                    info!(version = python.inventory.version, "Python is available for scripts");
                }
                Err(reason) => info!("Python is not available for scripts: {reason}"),
            }
            found.send_replace(Some(python));
        });
        Self { inner: Arc::new(inner) }
    }

    /// The limits of every script.
    pub fn limits(&self) -> &Limits {
        &self.inner.settings.limits
    }

    /// What Python provides, or why it is not available.
    pub async fn python(&self) -> Result<Inventory, String> {
        Ok(self.find_python().await?.inventory.clone())
    }

    /// Whether Python is known to be available.
    pub fn has_python(&self) -> bool {
        matches!(&*self.inner.python.borrow(), Some(Ok(_)))
    }

    async fn find_python(&self) -> Python {
        let mut python = self.inner.python.clone();
        let found = python.wait_for(Option::is_some).await;
        found.ok().and_then(|found| found.clone()).unwrap_or_else(|| Err("is not known".into()))
    }

    /// Waits until it is this user's turn. `Err` says why the language is not available.
    pub async fn slot(&self, user: Uuid, language: Language) -> Result<Slot<'_>, String> {
        let launch = self.launch(language).await?;
        let permit = self.inner.queue.acquire(user).await;
        Ok(Slot { sandbox: self, user, language, launch, _permit: permit })
    }

    async fn launch(&self, language: Language) -> Result<Arc<Launch>, String> {
        match language {
            Language::JavaScript => Ok(Arc::new(javascript_launch(&self.inner.settings))),
            Language::Python => Ok(self.find_python().await?.launch.clone()),
        }
    }

    /// Ends a worker and starts another one, so that the next script need not wait for it.
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
    _permit: Permit,
}

impl Slot<'_> {
    /// Runs a script. `Err` says why no worker could be started. Dropping the future kills the script.
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
    let watchdog = Watchdog::Process { max_bytes: memory + memory / 4 + JAVASCRIPT_BYTES };
    Launch {
        program: settings.program.clone(),
        arguments: arguments.map(str::to_owned).to_vec(),
        has_pipes: false,
        watchdog,
    }
}

/// Runs Python once to see that it works: containers often refuse what bubblewrap needs.
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
