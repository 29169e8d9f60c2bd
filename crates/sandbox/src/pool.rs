//! The sandbox: a pool of workers and a fair queue for them.

use std::path::PathBuf;
use std::sync::{Arc, Weak};

use serde::Deserialize;
use tokio::sync::{Semaphore, watch};
use tracing::{info, warn};
use uuid::Uuid;

use super::fair_queue::{Client, FairQueue, Permit};
use super::idle_workers::{IdleWorkers, Kind};
use super::model::{Language, Limits, Outcome, Script};
use super::process::{Launch, START, Worker};
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
    /// Modules are imported by one worker at a time, since scripts need the machine as well.
    preparing: Semaphore,
    python: watch::Receiver<Option<Python>>,
}

/// Python, or why it is not available.
type Python = Result<Arc<PythonReady>, String>;

struct PythonReady {
    launch: Arc<Launch>,
    /// For scripts that use what takes long to import, where that is installed.
    prepared: Option<Arc<Launch>>,
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
        let inner = Arc::new(Inner {
            queue: FairQueue::new(settings.workers),
            idle: IdleWorkers::new(settings.workers),
            preparing: Semaphore::new(1),
            settings: settings.clone(),
            python,
        });
        let weak = Arc::downgrade(&inner);
        tokio::spawn(async move {
            let python = find_python(&settings).await;
            match &python {
                Ok(python) => {
                    info!(version = python.inventory.version, "Python is available for scripts");
                }
                Err(reason) => info!("Python is not available for scripts: {reason}"),
            }
            let prepared = python.as_ref().ok().and_then(|python| python.prepared.clone());
            found.send_replace(Some(python));
            if let Some(launch) = prepared {
                keep_prepared(weak, launch).await;
            }
        });
        Self { inner }
    }

    /// The limits of every script.
    pub fn limits(&self) -> &Limits {
        &self.inner.settings.limits
    }

    /// What Python provides, or why it is not available.
    pub async fn python(&self) -> Result<Inventory, String> {
        Ok(self.find_python().await?.inventory.clone())
    }

    /// Whether Python is available; `None` while that is being found out.
    pub fn has_python(&self) -> Option<bool> {
        self.inner.python.borrow().as_ref().map(Result::is_ok)
    }

    /// The well-known modules of Python, as far as it has been found.
    pub fn python_modules(&self) -> Vec<String> {
        let found = self.inner.python.borrow();
        let ready = found.as_ref().and_then(|python| python.as_ref().ok());
        ready.map(|python| python.inventory.modules.clone()).unwrap_or_default()
    }

    async fn find_python(&self) -> Python {
        let mut python = self.inner.python.clone();
        let found = python.wait_for(Option::is_some).await;
        found.ok().and_then(|found| found.clone()).unwrap_or_else(|| Err("is not known".into()))
    }

    /// Waits until it is this client's turn. `Err` says why the language is not available.
    pub async fn slot(
        &self,
        client: impl Into<Client>,
        language: Language,
    ) -> Result<Slot<'_>, String> {
        let client = client.into();
        let python = match language {
            Language::JavaScript => None,
            Language::Python => Some(self.find_python().await?),
        };
        let permit = self.inner.queue.acquire(client).await;
        Ok(Slot { sandbox: self, user: client.user, python, _permit: permit })
    }

    /// Ends a worker and starts another one, so that the next script need not wait for it.
    fn replace(&self, kind: Kind, launch: Arc<Launch>, spent: Worker) {
        drop(spent);
        let inner = Arc::downgrade(&self.inner);
        tokio::spawn(async move { keep_ready(&inner, kind, &launch).await });
    }
}

/// Starts a worker and keeps it for whoever needs it; false if it could not be started.
async fn keep_ready(inner: &Weak<Inner>, kind: Kind, launch: &Launch) -> bool {
    match (Worker::start(launch).await, inner.upgrade()) {
        (Ok(worker), Some(inner)) => inner.idle.put(kind, None, worker),
        (Err(error), _) => {
            warn!("a worker could not be started: {error}");
            return false;
        }
        _ => {}
    }
    true
}

/// Starts workers that import what takes long, one after the other, until enough wait.
async fn keep_prepared(weak: Weak<Inner>, launch: Arc<Launch>) {
    let Some(inner) = weak.upgrade() else { return };
    let Ok(_turn) = inner.preparing.try_acquire() else { return };
    while inner.idle.lacks(Kind::PreparedPython) {
        if !keep_ready(&weak, Kind::PreparedPython, &launch).await {
            return;
        }
    }
}

/// The right to run a script now.
pub struct Slot<'a> {
    sandbox: &'a Sandbox,
    user: Uuid,
    python: Option<Arc<PythonReady>>,
    _permit: Permit,
}

impl Slot<'_> {
    /// Runs a script. `Err` says why no worker could be started. Dropping the future kills the script.
    pub async fn run(&self, script: &Script) -> Result<Outcome, String> {
        let Some(prepared) = self.prepared(&script.code) else {
            return self.run_plain(script).await;
        };
        let inner = &self.sandbox.inner;
        let outcome = match inner.idle.take(Kind::PreparedPython, self.user) {
            Some(mut worker) => Ok(worker.run(script, &inner.settings.limits).await),
            // A new one does not import what its script may not need.
            None => self.run_plain(script).await,
        };
        tokio::spawn(keep_prepared(Arc::downgrade(inner), prepared));
        outcome
    }

    /// How workers are started for scripts like this one, if they import something in advance.
    fn prepared(&self, code: &str) -> Option<Arc<Launch>> {
        let prepared = self.python.as_ref()?.prepared.clone()?;
        is_slow_to_import(code).then_some(prepared)
    }

    async fn run_plain(&self, script: &Script) -> Result<Outcome, String> {
        let inner = &self.sandbox.inner;
        let (kind, launch) = match &self.python {
            None => (Kind::JavaScript, Arc::new(javascript_launch(&inner.settings))),
            Some(python) => (Kind::Python, python.launch.clone()),
        };
        let mut worker = match inner.idle.take(kind, self.user) {
            Some(worker) => worker,
            None => Worker::start(&launch).await?,
        };
        let outcome = worker.run(script, &inner.settings.limits).await;
        if worker.is_spent || worker.runs >= RUNS_PER_WORKER {
            self.sandbox.replace(kind, launch, worker);
        } else {
            inner.idle.put(kind, Some(self.user), worker);
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
        start_timeout: START,
    }
}

/// Runs Python once to see that it works: containers often refuse what bubblewrap needs.
#[cfg(target_os = "linux")]
async fn find_python(settings: &Settings) -> Python {
    let program = settings.python.as_ref().ok_or("it is turned off")?;
    let interpreter = python::find(program).await?;
    let mut refused = None;
    for run_as in worker::RunAs::choices() {
        match start_python(settings, &interpreter, *run_as).await {
            Ok(python) => {
                if let Some(reason) = refused {
                    warn!("scripts in Python are root's processes, since nobody's fail: {reason}");
                }
                return Ok(python);
            }
            Err(reason) => refused = Some(reason),
        }
    }
    Err(refused.map_or_else(String::new, without_paths))
}

#[cfg(target_os = "linux")]
async fn start_python(
    settings: &Settings,
    interpreter: &python::Interpreter,
    run_as: worker::RunAs,
) -> Python {
    use std::time::Duration;

    let launch = |modules: &[&str]| {
        let Settings { program, private, limits, .. } = settings;
        python::launch(program, interpreter, private, limits, run_as, modules).map(Arc::new)
    };
    let plain = launch(&[])?;
    let mut worker = Worker::start(&plain).await?;
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
    let inventory: Inventory =
        inventory.map_err(|_| "it does not run in the sandbox".to_owned())?;
    let modules = python::prepared_modules(&inventory.modules, &settings.limits);
    let prepared = if modules.is_empty() { None } else { Some(launch(&modules)?) };
    Ok(Arc::new(PythonReady { launch: plain, prepared, inventory }))
}

/// Users read the reason; where things are on this machine is the operator's business.
#[cfg(target_os = "linux")]
fn without_paths(reason: String) -> String {
    if !reason.contains('/') {
        return reason;
    }
    warn!("Python cannot be started in the sandbox: {reason}");
    "it cannot be started in the sandbox; the server's log says why".into()
}

#[cfg(target_os = "linux")]
use python::is_slow_to_import;

#[cfg(not(target_os = "linux"))]
fn is_slow_to_import(_: &str) -> bool {
    false
}

#[cfg(not(target_os = "linux"))]
async fn find_python(_: &Settings) -> Python {
    Err("Python scripts need Linux".into())
}
