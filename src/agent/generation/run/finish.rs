//! The end of a generation: saved first, then published to the listeners.

use std::pin::pin;
use std::time::Duration;

use serde_json::value::RawValue;
use tokio::time::timeout;
use tracing::{info, warn};

use super::{Interruption, Run, save};
use crate::agent::generation::failure::Failure;
use crate::agent::generation::recorder::{Save, Saved};
use crate::agent::generation::usage_log::UsageLog;
use crate::agent::message::answer::{End, Status};
use crate::agent::usage::TokenUsage;
use crate::providers::catalogue::Usd;
use crate::supabase::SupabaseError;

/// After which a claim that nobody renews has ended by itself.
const LONGEST_CLAIM: Duration = Duration::from_secs(30);

impl Run {
    /// Saves the end and publishes it to the listeners.
    pub(super) async fn end(&mut self, outcome: Result<String, Interruption>) {
        let waiting = std::mem::take(&mut self.waiting);
        let (status, finish_reason, failure) = match ending(outcome) {
            (Status::Complete, reason, None) if !waiting.is_empty() => {
                (Status::Awaiting, reason, None)
            }
            ending => ending,
        };
        self.budget.meter.end_call(self.answer.bytes(), false);
        let mut end = self.summary(status, finish_reason, failure);
        let mut metadata = save::final_metadata(&end);
        if let Some(warning) = self.budget.warning() {
            metadata.insert("budget_warning".to_owned(), warning);
        }
        self.answer.close(metadata, status);
        let log = self.usage_log(&end);
        let save = save::last(&self.answer.read(), &end, self.model.id(), log, waiting);
        if let Some(log) = &save.end.usage_log {
            self.settings.metrics.answer(log.answered());
        }
        let saved = self.save_or_notify(&save, &end).await;
        self.apply_last_save(&mut end, save, saved).await;
        let has_title_model = self.settings.providers.title_model().is_some();
        self.answer.set_title(self.title.at_end(has_title_model).await);
        self.log(&end);
        self.answer.publish_end(end);
    }

    /// One line for each answer.
    fn log(&self, end: &End) {
        let message_id = self.answer.read().claim.rows().map(|rows| rows.message_id);
        info!(
            status = end.status.as_str(),
            model = self.model.id(),
            message_id = message_id.map(tracing::field::display),
            latency_ms = end.latency_ms,
            "generation ended"
        );
    }

    /// Saves the end. If that takes long, listeners receive an error before it is saved.
    async fn save_or_notify(&mut self, save: &Save, end: &End) -> Result<Saved, SupabaseError> {
        let in_flight = self.checkpoints.take_in_flight();
        let mut saving = pin!(async {
            if let Some(in_flight) = in_flight {
                // One save at a time; this one's answer no longer matters.
                let _ = in_flight.await;
            }
            save::until_saved(&self.job, save, &self.settings).await
        });
        if let Ok(saved) = timeout(self.settings.unsaved_patience, saving.as_mut()).await {
            return saved;
        }
        warn!("the end of an answer cannot be saved; its listeners are notified");
        let failure = end.failure.clone().or(Some(Failure::NotSavedYet));
        self.answer.publish_end(End { status: Status::Failed, failure, ..end.clone() });
        saving.await
    }

    /// Applies the status of the stored message to the end.
    async fn apply_last_save(
        &mut self,
        end: &mut End,
        save: Save,
        saved: Result<Saved, SupabaseError>,
    ) {
        match saved {
            Ok(saved) if saved.is_owned || saved.status == Some(end.status) => {
                if saved.status == Some(Status::Stopped) {
                    // A stop was requested that had not been heard of here.
                    end.status = Status::Stopped;
                    end.finish_reason = "stopped".to_owned();
                    end.failure = None;
                }
                end.message = saved.message;
            }
            Ok(_) if matches!(end.status, Status::Complete | Status::Awaiting) => {
                end.status = Status::Interrupted;
                end.failure = Some(Failure::Lost);
            }
            Ok(_) => {}
            Err(error) if save::is_transient(&error) => {
                end.status = Status::Failed;
                end.failure.get_or_insert(error.into());
            }
            Err(error) => {
                end.message = self.save_reduced(save).await;
                end.status = Status::Failed;
                end.failure.get_or_insert(Failure::Unsaved(error));
            }
        }
    }

    /// Saves the end with the text alone, or else without it.
    async fn save_reduced(&mut self, save: Save) -> Option<Box<RawValue>> {
        let text_only = save::text_only(save);
        let saved = save::until_saved(&self.job, &text_only, &self.settings).await;
        let saved = match saved {
            Ok(saved) => Ok(saved),
            Err(_) => {
                let nothing = Save { parts: None, ..text_only };
                save::until_saved(&self.job, &nothing, &self.settings).await
            }
        };
        saved.ok()?.message
    }

    /// Releases the chat in case it was claimed although the reply was lost: else it would be busy until the
    /// lease ends, and a call would be counted that is never made.
    pub(super) async fn abandon(&mut self, error: &SupabaseError) {
        if !error.may_have_happened() || !self.job.recorder.begins_anew() {
            return;
        }
        let save = save::abandoned();
        let saving = save::until_saved(&self.job, &save, &self.settings);
        if !matches!(timeout(LONGEST_CLAIM, saving).await, Ok(Ok(_))) {
            warn!("a claim could not be given up");
        }
    }

    pub(super) fn summary(
        &self,
        status: Status,
        finish_reason: String,
        failure: Option<Failure>,
    ) -> End {
        let (usage, cost_usd) = self.used_in_all();
        End {
            status,
            finish_reason,
            usage,
            cost_usd,
            latency_ms: self.answer.latency_ms(),
            failure,
            message: None,
        }
    }

    /// What all runs of the message have used: this one, and those that it continues.
    pub(super) fn used_in_all(&self) -> (TokenUsage, Option<Usd>) {
        let total = self.budget.meter.total();
        let (mut usage, cost_usd) = (total.tokens(), total.cost());
        let Some((before, cost_before)) = self.used_before else { return (usage, cost_usd) };
        usage += before;
        (usage, cost_usd.zip(cost_before).map(|(now, before)| now + before))
    }

    /// The row of `usage_logs`, where a provider was called at all.
    pub(super) fn usage_log(&self, end: &End) -> Option<UsageLog> {
        let model = self.model.current().filter(|_| self.budget.meter.has_calls())?;
        let total = self.budget.meter.total();
        Some(UsageLog {
            time_to_first_token_ms: self.answer.time_to_first_token_ms(),
            error_code: end.failure.as_ref().map(Failure::code),
            ..UsageLog::new(
                self.job.operation,
                model,
                &total,
                end.status,
                end.latency_ms,
                &self.job.terms,
            )
        })
    }
}

/// What an outcome makes of the message: its status, its finish reason, and what went wrong.
fn ending(outcome: Result<String, Interruption>) -> (Status, String, Option<Failure>) {
    match outcome {
        Ok(reason) => (Status::Complete, reason, None),
        Err(Interruption::TooLarge) => (Status::Complete, "length".into(), None),
        Err(Interruption::Stopped) => (Status::Stopped, "stopped".into(), None),
        // Whose end is not this run's.
        Err(Interruption::HandedOver) => {
            (Status::Interrupted, "interrupted".into(), Some(Failure::Lost))
        }
        Err(Interruption::Failed(failure)) => {
            let (status, reason) = match failure {
                Failure::ShuttingDown => (Status::Interrupted, "server_shutdown"),
                Failure::TokenExpired => (Status::Interrupted, "token_expired"),
                Failure::Unrenewed => (Status::Interrupted, "database_unreachable"),
                Failure::Lost | Failure::Broken => (Status::Interrupted, "interrupted"),
                _ => (Status::Failed, "error"),
            };
            (status, reason.into(), Some(failure))
        }
    }
}
