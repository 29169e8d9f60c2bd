//! From a request to a recorded run.

use std::time::Duration;

use tracing::info;

use super::model::{Capabilities, Language, LanguageCapabilities, RunLimits, RunScript, ScriptRun};
use super::places::Places;
use super::{staging, store};
use crate::error::ApiError;
use crate::files::{Files, Owner};
use crate::sandbox::{Sandbox, Script};
use crate::supabase::Supabase;

/// The services of `/api/scripts`. Clones share them.
#[derive(Clone)]
pub struct Scripts {
    pub(super) supabase: Supabase,
    pub(super) files: Files,
    sandbox: Sandbox,
    places: Places,
}

impl Scripts {
    /// Puts the services together.
    pub fn new(supabase: Supabase, files: Files, sandbox: Sandbox) -> Self {
        Self { supabase, files, sandbox, places: Places::default() }
    }

    /// Runs a script in its owner's name and records the run. Dropping the future ends the script.
    pub(super) async fn run(
        &self,
        owner: &Owner,
        mut wanted: RunScript,
    ) -> Result<ScriptRun, ApiError> {
        wanted.check(self.sandbox.limits())?;
        let _place = self.places.take(owner.id)?;
        if let Some(chat_id) = wanted.chat_id {
            store::require_chat(&self.supabase, owner, chat_id).await?;
        }
        let limits = self.limits(&wanted);
        // Files are in memory only while the script has its slot.
        let slot = self.sandbox.slot(wanted.language.into()).await.map_err(unavailable)?;
        let code = staging::code(&self.files, owner, &wanted).await?;
        let files = &wanted.files;
        let files = staging::staged(&self.files, owner, files, self.sandbox.limits()).await?;
        let timeout = Duration::from_millis(limits.timeout_ms);
        let script = Script { code, input: wanted.input.take(), files, timeout };
        let mut outcome = slot.run(&script).await.map_err(unavailable)?;
        let written = std::mem::take(&mut outcome.files);
        let mut run = ScriptRun::new(&wanted, outcome, limits);
        info!(language = ?run.language, status = ?run.status, ms = run.duration_ms, "script ended");
        staging::keep(&self.files, owner, &mut run, written).await?;
        run.created_at = store::record(&self.supabase, owner, &script, &run).await?;
        Ok(run)
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
