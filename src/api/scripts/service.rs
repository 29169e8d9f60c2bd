//! From a request to a recorded run.

use std::time::Duration;

use tracing::info;
use uuid::Uuid;

use super::model::{Capabilities, Language, LanguageCapabilities, RunLimits, RunScript, ScriptRun};
use super::running::{Place, Running};
use super::{staging, store};
use crate::api::files::{Files, Owner};
use crate::clock::Clock;
use crate::http::error::ApiError;
use crate::sandbox::{Outcome, Sandbox, Script};
use crate::supabase::Supabase;

/// The services of `/api/scripts`. Clones share them.
#[derive(Clone)]
pub struct Scripts {
    pub(super) supabase: Supabase,
    pub(super) files: Files,
    sandbox: Sandbox,
    running: Running,
    pub(super) clock: Clock,
    pub(super) retention: Option<Duration>,
}

impl Scripts {
    /// Puts the services together.
    pub fn new(
        supabase: Supabase,
        files: Files,
        sandbox: Sandbox,
        clock: Clock,
        retention: Option<Duration>,
    ) -> Self {
        Self { supabase, files, sandbox, running: Running::default(), clock, retention }
    }

    /// A place for a script that its owner sends; refused where there are too many already.
    pub(super) async fn enter(&self, owner: &Owner, wanted: &RunScript) -> Result<Place, ApiError> {
        wanted.check(self.sandbox.limits())?;
        let place = self.running.enter(wanted.id.unwrap_or_else(Uuid::now_v7), owner.id)?;
        if wanted.id.is_some() && store::exists(&self.supabase, owner, place.id).await? {
            return Err(ApiError::id_conflict());
        }
        Ok(place)
    }

    /// A place for a script that a model sends in its owner's name, when there is one.
    pub(super) async fn wait(&self, owner: &Owner, wanted: &RunScript) -> Result<Place, ApiError> {
        wanted.check(self.sandbox.limits())?;
        Ok(self.running.wait(Uuid::now_v7(), owner.id).await)
    }

    /// Cancels a script that runs, and forgets one that has ended; 404 for what is neither.
    pub(super) async fn remove(&self, owner: &Owner, run_id: Uuid) -> Result<(), ApiError> {
        if self.running.cancel(run_id, owner.id).await {
            return Ok(());
        }
        store::delete(&self.supabase, owner, run_id).await
    }

    /// Runs a script in its owner's name and records the run. Dropping the future ends the script.
    pub(super) async fn run(
        &self,
        owner: &Owner,
        mut wanted: RunScript,
        place: Place,
    ) -> Result<ScriptRun, ApiError> {
        if let Some(chat_id) = wanted.chat_id {
            store::require_chat(&self.supabase, owner, chat_id).await?;
        }
        let limits = self.limits(&wanted);
        let mut script = Script {
            input: wanted.input.take(),
            timeout: Duration::from_millis(limits.timeout_ms),
            cancelled: place.cancelled.clone(),
            ..Script::default()
        };
        let mut outcome = self.outcome(owner, &wanted, &mut script).await?;
        let written = std::mem::take(&mut outcome.files);
        let mut run = ScriptRun::new(place.id, &wanted, outcome, limits);
        info!(language = ?run.language, status = ?run.status, ms = run.duration_ms, "script ended");
        staging::keep(&self.files, owner, &mut run, written).await?;
        let recorded = store::record(&self.supabase, owner, &script, &run);
        let (recorded, ()) = tokio::join!(recorded, self.forget_old_of(owner));
        run.created_at = recorded?;
        Ok(run)
    }

    /// Waits for the script's turn, then puts its code and files in place: they are in memory only
    /// while it runs.
    async fn outcome(
        &self,
        owner: &Owner,
        wanted: &RunScript,
        script: &mut Script,
    ) -> Result<Outcome, ApiError> {
        let slot = tokio::select! {
            slot = self.sandbox.slot(owner.id, wanted.language.into()) => slot,
            () = script.cancelled.cancelled() => {
                script.code = wanted.code.clone().unwrap_or_default();
                return Ok(Outcome::cancelled());
            }
        };
        let slot = slot.map_err(unavailable)?;
        script.code = staging::code(&self.files, owner, wanted).await?;
        let limits = self.sandbox.limits();
        script.files = staging::staged(&self.files, owner, &wanted.files, limits).await?;
        slot.run(script).await.map_err(unavailable)
    }

    fn limits(&self, wanted: &RunScript) -> RunLimits {
        let limits = RunLimits::from(self.sandbox.limits());
        RunLimits { timeout_ms: wanted.timeout_ms.unwrap_or(limits.timeout_ms), ..limits }
    }

    /// Whether Python is known to be there.
    pub(super) fn has_python(&self) -> bool {
        self.sandbox.has_python()
    }

    /// What scripts can do here.
    pub(super) async fn capabilities(&self) -> Capabilities {
        let javascript = LanguageCapabilities {
            language: Language::JavaScript,
            available: true,
            reason: None,
            version: Some("ES2023 (QuickJS)".into()),
            globals: ["console", "files", "input"].map(str::to_owned).to_vec(),
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
            globals: vec!["input".into()],
            modules: inventory.map(|inventory| inventory.modules).unwrap_or_default(),
        };
        let limits = RunLimits::from(self.sandbox.limits());
        Capabilities { languages: vec![javascript, python], limits }
    }
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
