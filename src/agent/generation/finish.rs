//! The end of a generation: saved first, then published to the listeners.

use std::pin::pin;
use std::time::Duration;

use serde_json::value::RawValue;
use tokio::time::timeout;
use tracing::{info, warn};

use super::run::{Interruption, Run, millis};
use crate::agent::generation::failure::Failure;
use crate::agent::generation::recorder::{Save, Saved};
use crate::agent::generation::save;
use crate::agent::message::answer::{End, Status};
use crate::supabase::{SupabaseError, SupabaseErrorKind};

/// How long the end of an answer waits for its title to be saved.
const TITLE_GRACE: Duration = Duration::from_millis(50);

impl Run {
    /// Saves the end and publishes it to the listeners.
    pub(in crate::agent) async fn end(&mut self, outcome: Result<String, Interruption>) {
        let (status, finish_reason, failure) = match outcome {
            Ok(reason) => (Status::Complete, reason, None),
            Err(Interruption::TooLarge) => (Status::Complete, "length".into(), None),
            Err(Interruption::Stopped) => (Status::Stopped, "stopped".into(), None),
            Err(Interruption::Failed(failure)) => {
                let (status, reason) = save::ending(&failure);
                (status, reason.into(), Some(failure))
            }
        };
        self.meter.end_call(self.answer.borrow().bytes(), false);
        let mut end = self.summary(status, finish_reason, failure);
        self.answer.send_modify(|answer| {
            answer.close_all();
            answer.metadata.extend(save::final_metadata(&end));
        });
        let save = self.last_save(&end);
        if let Some(log) = save.end.as_ref().and_then(|end| end.usage_log.as_ref()) {
            self.settings.metrics.answer(log.answered());
        }
        match self.save_or_notify(&save, &end).await {
            Ok(saved) if saved.is_owned || saved.status == Some(end.status) => {
                end.message = saved.message;
            }
            Ok(_) if end.status == Status::Complete => {
                end.status = Status::Interrupted;
                end.failure = Some(Failure::Lost);
            }
            Ok(_) => {}
            Err(error) if save::is_transient(&error) => {
                end.status = Status::Failed;
                end.failure.get_or_insert(error.into());
            }
            Err(error) => {
                end.message = self.save_what_can_be(save).await;
                end.status = Status::Failed;
                end.failure.get_or_insert(Failure::Unsaved(error));
            }
        }
        self.wait_for_title().await;
        info!(status = end.status.as_str(), latency_ms = end.latency_ms, "generation ended");
        self.answer.send_modify(|answer| answer.end = Some(end));
    }

    /// Saves the end. When that takes long, the listeners hear of it before.
    async fn save_or_notify(&mut self, save: &Save, end: &End) -> Result<Saved, SupabaseError> {
        let last_checkpoint = self.saving.take();
        let mut saving = pin!(async {
            if let Some(saving) = last_checkpoint {
                // One save at a time; this one's answer no longer matters.
                let _ = saving.await;
            }
            save::until_saved(&self.job, save, &self.settings).await
        });
        if let Ok(saved) = timeout(self.settings.unsaved_patience, saving.as_mut()).await {
            return saved;
        }
        warn!("the end of an answer cannot be saved; its listeners are told");
        let failure = end.failure.clone().or(Some(Failure::NotSavedYet));
        let end = End { status: Status::Failed, failure, ..end.clone() };
        self.answer.send_modify(|answer| answer.end = Some(end));
        saving.await
    }

    /// Saves the end with the text alone, or else without it.
    async fn save_what_can_be(&mut self, save: Save) -> Option<Box<RawValue>> {
        let bare = save::bare(save);
        let text_only = save::until_saved(&self.job, &bare, &self.settings).await;
        let saved = match text_only {
            Ok(saved) => Ok(saved),
            Err(_) => {
                let nothing = Save { text: None, ..bare };
                save::until_saved(&self.job, &nothing, &self.settings).await
            }
        };
        saved.ok()?.message
    }

    /// Frees the chat if it was claimed after all, though nobody could read the answer.
    pub(in crate::agent) async fn abandon(&mut self, error: &SupabaseError) {
        use SupabaseErrorKind as Kind;
        // An answer that was not read may have been a claim.
        let is_unclear = matches!(
            error.kind,
            Kind::Protocol | Kind::Timeout | Kind::AnswerTooLarge | Kind::NoMemory(_)
        );
        if is_unclear && let Err(error) = save::once(&self.job, save::abandoned()).await {
            warn!("a claim could not be given up: {error}");
        }
    }

    pub(in crate::agent) fn summary(
        &self,
        status: Status,
        finish_reason: String,
        failure: Option<Failure>,
    ) -> End {
        let usage = self.meter.total();
        End {
            status,
            finish_reason,
            usage: usage.tokens(),
            cost_usd: usage.cost_usd(),
            latency_ms: millis(self.started_at.elapsed()),
            failure,
            message: None,
        }
    }

    fn last_save(&self, end: &End) -> Save {
        let answer = self.answer.borrow();
        let first_token = self.first_token_at.map(|at| millis(at - self.started_at));
        let log =
            self.model.as_ref().filter(|_| self.meter.has_calls()).map(|model| {
                save::usage_log(&self.job, model, end, &self.meter.total(), first_token)
            });
        save::last(&answer, end, self.model.as_ref(), log)
    }

    /// A title that was taken from the question is only being saved; a model's is not waited for.
    async fn wait_for_title(&mut self) {
        let Some(mut title) = self.title.take() else { return };
        let title = match self.settings.providers.title_model() {
            Some(_) => title.try_recv().ok(),
            None => timeout(TITLE_GRACE, title).await.ok().and_then(Result::ok),
        };
        self.set_title(title);
    }

    pub(in crate::agent) fn set_title(&mut self, title: Option<String>) {
        self.title = None;
        if title.is_some() {
            self.answer.send_modify(|answer| answer.title = title);
        }
    }
}
