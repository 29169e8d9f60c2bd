//! Leaves an answer to another replica where this one is being stopped: between two calls of a model, when
//! everything there is can be saved and nothing is under way.

use tokio::join;
use tracing::{info, warn};

use super::{Interruption, Run, save};
use crate::agent::generation::failure::Failure;
use crate::agent::generation::recorder::{HandOver, HandedOver};
use crate::agent::message::answer::Status;
use crate::providers::FinishReason;

impl Run {
    /// Has another replica go on if this one is being stopped and there is one that does.
    pub(super) async fn hand_over_if_draining(&mut self) -> Result<(), Interruption> {
        // Without the service key an answer depends on the tokens that its user brings here.
        let may_leave = self.job.survives_disconnect && self.settings.outlives_tokens;
        // The other replica has the tools of the server, not those of the page.
        let may_leave = may_leave && !self.tools.need_the_page();
        if !self.signals.draining.is_cancelled() || !may_leave || !self.save_all().await? {
            return Ok(());
        }
        let (usage, cost_usd) = self.used_in_all();
        let tools = self.tools.names();
        let assistant = self.job.terms.assistant.as_ref().map(|assistant| assistant.id.clone());
        let options = self.job.options.clone();
        let hand_over = HandOver { options, assistant, tools, usage, cost_usd };
        // Nothing is saved meanwhile: the answer may be another run's at any moment.
        match self.job.recorder.hand_over(&self.job.credentials, hand_over).await {
            HandedOver::Taken => Err(Interruption::HandedOver),
            HandedOver::Refused => Ok(()),
            // A second call must not be begun beside that of the other replica.
            HandedOver::Unknown => Err(Failure::ShuttingDown.into()),
        }
    }

    /// Saves what there is; whether that is done.
    async fn save_all(&mut self) -> Result<bool, Interruption> {
        self.checkpoints.pause();
        if let Some(in_flight) = self.checkpoints.take_in_flight() {
            let outcome = self.wait_for(in_flight).await?;
            self.handle_checkpoint_result(outcome)?;
        }
        let (checkpoint, state) = self.next_checkpoint(None);
        let (job, sent_at) = (self.job.clone(), self.lease.now());
        let saving = async move { job.recorder.checkpoint(&job.credentials, checkpoint).await };
        let saved = self.wait_for(saving).await?;
        self.checkpoints.unpause();
        match saved {
            Ok(saved) => self.handle_saved(&saved, sent_at, state).map(|()| true),
            Err(error) => {
                warn!("an answer is not handed over, because it cannot be saved: {error}");
                Ok(false)
            }
        }
    }

    /// Saves what this run has used, and shows its listeners what the other replica makes of the answer.
    pub(super) async fn leave(self) {
        info!("an answer goes on on another replica");
        let reason = FinishReason::ToolCalls.as_str().to_owned();
        let end = self.summary(Status::Complete, reason, None);
        let save = save::usage_alone(self.usage_log(&end));
        if let Some(log) = &save.end.usage_log {
            self.settings.metrics.answer(log.answered());
        }
        let Self { job, settings, answer, signals, .. } = self;
        let follow = job.recorder.follow(&job.credentials, answer.leave());
        drop(answer);
        let (saved, _) = join!(
            save::until_saved(&job, &save, &settings),
            signals.shutdown.run_until_cancelled(follow)
        );
        if let Err(error) = saved {
            warn!("the usage of an answer that goes on elsewhere could not be saved: {error}");
        }
    }
}
