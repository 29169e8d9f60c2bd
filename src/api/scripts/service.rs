//! From a request to a recorded run.

use std::time::Duration;

use tracing::info;
use uuid::Uuid;

use super::concurrency::{Permit, ScriptSlots};
use super::model::{Capabilities, Language, LanguageCapabilities, RunLimits, RunScript, ScriptRun};
use super::{staging, store};
use crate::api::files::{Files, Owner};
use crate::clock::Clock;
use crate::http::error::ApiError;
use crate::http::rate_limit::Limits;
use crate::observability::metrics::Metrics;
use crate::sandbox::{Outcome, Sandbox, Script};
use crate::supabase::Supabase;

/// What scripts in JavaScript find besides the language.
const JAVASCRIPT_GLOBALS: [&str; 21] = [
    "console",
    "files",
    "input",
    "require",
    "setTimeout",
    "setInterval",
    "setImmediate",
    "queueMicrotask",
    "structuredClone",
    "AbortController",
    "AbortSignal",
    "EventTarget",
    "TextEncoder",
    "TextDecoder",
    "URL",
    "URLSearchParams",
    "crypto",
    "performance",
    "Intl",
    "Buffer",
    "process",
];

/// The services of `/api/scripts`. Clones share them.
#[derive(Clone)]
pub struct Scripts {
    pub(super) supabase: Supabase,
    pub(super) files: Files,
    sandbox: Sandbox,
    slots: ScriptSlots,
    /// How long a script may take unless its request says otherwise.
    timeout: Duration,
    pub(super) clock: Clock,
    pub(super) retention: Option<Duration>,
    rates: Limits,
    metrics: Metrics,
}

impl Scripts {
    /// Puts the services together.
    pub fn new(
        supabase: Supabase,
        files: Files,
        sandbox: Sandbox,
        timeout: Duration,
        clock: Clock,
        retention: Option<Duration>,
        rates: Limits,
    ) -> Self {
        let (slots, metrics) = (ScriptSlots::default(), Metrics::default());
        Self { supabase, files, sandbox, slots, timeout, clock, retention, rates, metrics }
    }

    /// The same, with its scripts counted.
    pub fn counted_by(self, metrics: Metrics) -> Self {
        Self { metrics, ..self }
    }

    /// A permit for a script that its owner sends; refused if there are too many already.
    pub(super) async fn acquire_permit(
        &self,
        owner: &Owner,
        request: &RunScript,
    ) -> Result<Permit, ApiError> {
        request.check(self.sandbox.limits())?;
        self.count(owner)?;
        let permit =
            self.slots.try_acquire(request.id.unwrap_or_else(Uuid::now_v7), owner.client())?;
        if request.id.is_some() && store::exists(&self.supabase, owner, permit.id).await? {
            return Err(ApiError::id_conflict());
        }
        Ok(permit)
    }

    /// Waits for a permit for a script that a model sends in its owner's name.
    pub(super) async fn wait_for_permit(
        &self,
        owner: &Owner,
        request: &RunScript,
    ) -> Result<Permit, ApiError> {
        request.check(self.sandbox.limits())?;
        self.count(owner)?;
        Ok(self.slots.acquire(Uuid::now_v7(), owner.client()).await)
    }

    /// Counts a script, as the user's plan allows.
    fn count(&self, owner: &Owner) -> Result<(), ApiError> {
        let Some(plan) = self.files.plan(owner) else { return Ok(()) };
        self.rates.count_script(owner.id, plan.scripts_per_minute, plan.scripts_per_day)
    }

    /// Cancels a script that runs or deletes the run of one that has ended; 404 if there is neither.
    pub(super) async fn remove(&self, owner: &Owner, run_id: Uuid) -> Result<(), ApiError> {
        if self.slots.cancel(run_id, owner.id).await {
            return Ok(());
        }
        store::delete(&self.supabase, owner, run_id).await
    }

    /// Runs a script in its owner's name and records the run. Dropping the future ends the script.
    pub(super) async fn run(
        &self,
        owner: &Owner,
        mut request: RunScript,
        permit: Permit,
    ) -> Result<ScriptRun, ApiError> {
        if let Some(chat_id) = request.chat_id {
            store::require_chat(&self.supabase, owner, chat_id).await?;
        }
        let limits = self.limits(&request);
        let mut script = Script {
            input: request.input.take(),
            timeout: Duration::from_millis(limits.timeout_ms),
            cancelled: permit.cancelled.clone(),
            ..Script::default()
        };
        let mut outcome = self.outcome(owner, &request, &mut script).await?;
        let written = std::mem::take(&mut outcome.files);
        let mut run = ScriptRun::new(permit.id, &request, outcome, limits);
        let elapsed = Duration::from_millis(run.duration_ms);
        self.metrics.script(run.language.as_str(), run.status.as_str(), elapsed);
        info!(language = ?run.language, status = ?run.status, ms = run.duration_ms, "script ended");
        staging::save_files(&self.files, owner, &mut run, written).await?;
        let recorded = store::record(&self.supabase, owner, &script, &run);
        let (recorded, ()) = tokio::join!(recorded, self.delete_expired_for(owner));
        run.created_at = recorded?;
        Ok(run)
    }

    /// Waits for the script's turn, then puts its code and files in permit: they are in memory only
    /// while it runs.
    async fn outcome(
        &self,
        owner: &Owner,
        request: &RunScript,
        script: &mut Script,
    ) -> Result<Outcome, ApiError> {
        let slot = tokio::select! {
            slot = self.sandbox.slot(owner.client(), request.language.into()) => slot,
            () = script.cancelled.cancelled() => {
                script.code = request.code.clone().unwrap_or_default();
                return Ok(Outcome::cancelled());
            }
        };
        let slot = slot.map_err(unavailable)?;
        script.code = staging::load_code(&self.files, owner, request).await?;
        let limits = self.sandbox.limits();
        script.files = staging::load_files(&self.files, owner, &request.files, limits).await?;
        slot.run(script).await.map_err(unavailable)
    }

    fn limits(&self, request: &RunScript) -> RunLimits {
        let timeout_ms = request.timeout_ms.unwrap_or_else(|| milliseconds(self.timeout));
        RunLimits { timeout_ms, ..RunLimits::from(self.sandbox.limits()) }
    }

    /// Whether Python is available; `None` while that is being found out.
    pub(super) fn has_python(&self) -> Option<bool> {
        self.sandbox.has_python()
    }

    /// What Python has besides its standard library.
    pub(super) fn python_modules(&self) -> Vec<String> {
        self.sandbox.python_modules()
    }

    /// The longest that a request may let its script run.
    pub(super) fn max_timeout_ms(&self) -> u64 {
        milliseconds(self.sandbox.limits().timeout)
    }

    /// The languages and limits of scripts.
    pub(super) async fn capabilities(&self) -> Capabilities {
        let javascript = LanguageCapabilities {
            language: Language::JavaScript,
            available: true,
            reason: None,
            version: Some("ES2023 (QuickJS)".into()),
            globals: JAVASCRIPT_GLOBALS.map(str::to_owned).to_vec(),
            modules: Vec::new(),
        };
        let (inventory, reason) = match self.sandbox.python().await {
            Ok(inventory) => (Some(inventory), None),
            Err(reason) => (None, Some(reason)),
        };
        let python = LanguageCapabilities {
            language: Language::Python,
            available: inventory.is_some(),
            reason,
            version: inventory.as_ref().map(|inventory| inventory.version.clone()),
            globals: ["input", "display"].map(str::to_owned).to_vec(),
            modules: inventory.map(|inventory| inventory.modules).unwrap_or_default(),
        };
        let limits = self.limits(&RunScript::default());
        let max_timeout_ms = self.max_timeout_ms();
        Capabilities { languages: vec![javascript, python], limits, max_timeout_ms }
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn unavailable(reason: String) -> ApiError {
    ApiError::unavailable(
        "language_unavailable",
        "Scripts in this language cannot be run on this server. GET /api/scripts/capabilities says \
         why, and which can.",
        Duration::from_secs(60),
    )
    .caused_by(reason)
}
