//! One generation, from the claim of its chat to the last save, in one task that no connection owns.

mod answer_writer;
mod approvals;
mod arrivals;
mod budget;
mod call;
mod checkpoints;
mod finish;
mod hand_over;
mod interruption;
mod lease;
mod model;
mod paid_tools;
mod refused_files;
mod request;
mod reserve;
mod save;
mod signals;
pub(super) mod spans;
mod title;
mod tools;
mod turn_tools;
mod wait;
mod when_woken;

use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::time::{Sleep, sleep};
use tokio_util::task::TaskTracker;

pub(super) use self::answer_writer::AnswerWriter;
use self::budget::TokenBudget;
use self::checkpoints::Checkpoints;
use self::interruption::Interruption;
use self::lease::Lease;
use self::model::ActiveModel;
pub(super) use self::signals::Signals;
use self::title::{PendingTitle, TitleTask};
use self::turn_tools::TurnTools;
use super::failure::Failure;
use super::recorder::{BeginOutcome, Started};
use crate::agent::message::answer::{Claim, Status};
use crate::agent::message::prompt;
use crate::agent::usage::TokenUsage;
use crate::agent::{Job, Part, Settings, WaitingCall};
use crate::config::file::assistants::Overridable;
use crate::providers::catalogue::Usd;
use crate::providers::{Candidates, FinishReason, Message};

/// How often a provider may pause an answer in the middle of its own tools.
const MAX_PAUSES: u32 = 5;

/// A generation at work.
pub(super) struct Run {
    job: Arc<Job>,
    settings: Arc<Settings>,
    answer: Arc<AnswerWriter>,
    budget: TokenBudget,
    model: ActiveModel,
    checkpoints: Checkpoints,
    lease: Lease,
    /// The answer is shown in the place of others once it has content.
    is_candidate: bool,
    /// The tokens and the price of earlier runs of the same message.
    used_before: Option<(TokenUsage, Option<Usd>)>,
    tools: TurnTools,
    /// The calls with which the answer begins to wait.
    waiting: Vec<WaitingCall>,
    title: PendingTitle,
    signals: Signals,
    /// When to look at the clock although nothing happens.
    alarm: Pin<Box<Sleep>>,
}

impl Run {
    /// `tasks` keeps track of work that may outlive the answer.
    pub(super) fn new(
        job: Job,
        settings: Arc<Settings>,
        answer: AnswerWriter,
        signals: Signals,
        tasks: TaskTracker,
    ) -> Self {
        Self {
            job: Arc::new(job),
            answer: Arc::new(answer),
            budget: TokenBudget::default(),
            model: ActiveModel::default(),
            checkpoints: Checkpoints::new(settings.clone()),
            lease: Lease::new(settings.clock.clone()),
            is_candidate: false,
            used_before: None,
            tools: TurnTools::default(),
            waiting: Vec::new(),
            title: PendingTitle::new(tasks),
            signals,
            alarm: Box::pin(sleep(Duration::ZERO)),
            settings,
        }
    }

    /// Runs to the end, whatever happens.
    pub(super) async fn run(mut self: Box<Self>) {
        // What is short is boxed, here and below: the task of an answer that waits for its model should be small.
        let Some(started) = Box::pin(self.claim()).await else { return };
        self.begin_title(&started);
        let outcome = AssertUnwindSafe(self.produce(started)).catch_unwind().await;
        let outcome = outcome.unwrap_or(Err(Interruption::Failed(Failure::Crashed)));
        match outcome {
            Err(Interruption::HandedOver) => Box::pin(self.leave()).await,
            outcome => Box::pin(self.end(outcome)).await,
        }
    }

    async fn claim(&mut self) -> Option<Box<Started>> {
        let sent_at = self.lease.now();
        let outcome = self.job.recorder.begin(&self.job.credentials).await;
        let claim = match outcome {
            Ok(BeginOutcome::Started(mut started)) => {
                self.lease.granted(started.lease, sent_at);
                self.is_candidate = started.is_candidate;
                self.budget.set_reserved(started.reserved.clone());
                let earlier = &started.earlier;
                self.used_before = earlier.usage.map(|usage| (usage, earlier.cost_usd));
                self.checkpoints.resume(earlier.checkpoint, &earlier.parts);
                self.answer.grant(&mut started, self.job.terms.metadata());
                if started.earlier.is_visible {
                    self.answer.make_visible();
                }
                return Some(started);
            }
            Ok(BeginOutcome::Elsewhere(rows)) => Claim::Elsewhere(rows),
            Ok(BeginOutcome::Answered(rows)) => Claim::Answered(rows),
            Ok(BeginOutcome::Refused(refusal)) => Claim::Refused(refusal),
            Err(error) => {
                let failure = Some(error.clone().into());
                self.answer.publish_end(self.summary(Status::Failed, String::new(), failure));
                self.abandon(&error).await;
                return None;
            }
        };
        self.answer.update(|answer| answer.claim = claim);
        None
    }

    /// Looks for a title beside the answer, where the chat has none yet.
    fn begin_title(&mut self, started: &Started) {
        let question = title::question(&started.history).filter(|_| started.is_untitled);
        let Some(question) = question else { return };
        let (job, settings) = (self.job.clone(), self.settings.clone());
        let shutdown = self.signals.shutdown.clone();
        self.title.start(TitleTask { job, settings, question, shutdown });
    }

    /// Calls the model, runs its tools and calls it again, until it is done.
    async fn produce(&mut self, mut started: Box<Started>) -> Result<String, Interruption> {
        Box::pin(self.freeze_tools(&started)).await?;
        let (job, tools) = (self.job.clone(), self.tools.names());
        let load = async move {
            job.recorder.load_files(&job.credentials, &mut started, &tools).await;
            started
        };
        let mut started = self.wait_for(Box::pin(load)).await?;
        if self.job.terms.assistant.as_ref().is_some_and(|own| !own.leaves(Overridable::System)) {
            // Users can write any message of theirs, but who answers is told what to do by the operator alone.
            started.history.retain(|message| message.role != "system");
        }
        let mut models = self.models(started.model.as_deref())?;
        self.warn_of_missing(models.current());
        self.model.set(models.current());
        Box::pin(self.run_approved(&started.earlier.approved)).await?;
        Box::pin(self.load_pictures(models.current())).await?;
        let mut pauses = 0;
        let mut turns = prompt::answer(&self.answer.read().parts, self.tools.files());
        let mut steps = 1 + steps(&started.earlier.parts);
        loop {
            Box::pin(self.hand_over_if_draining()).await?;
            let reason = self.call_with_fallback(&mut models, &mut started, &turns).await?;
            if reason == FinishReason::Paused && pauses < MAX_PAUSES {
                // The provider goes on where it was, with what it has said so far.
                pauses += 1;
                if self.answer.read().is_full() {
                    return Err(Interruption::TooLarge);
                }
                turns.extend(self.last_turn());
                continue;
            }
            if reason != FinishReason::ToolCalls {
                return Ok(reason.as_str().to_owned());
            }
            if steps >= self.job.options.max_steps {
                return Ok("max_steps".to_owned());
            }
            steps += 1;
            if !Box::pin(self.run_tools()).await? {
                return Ok("tool_loop".to_owned());
            }
            if !self.waiting.is_empty() {
                return Ok("tool-calls".to_owned());
            }
            if self.answer.read().is_full() {
                return Err(Interruption::TooLarge);
            }
            Box::pin(self.load_pictures(models.current())).await?;
            turns.extend(self.last_turn());
        }
    }

    /// The models to call, as the terms have them.
    fn models(&self, id: Option<&str>) -> Result<Candidates, Failure> {
        let terms = &self.job.terms;
        let models = self.settings.providers.candidates(id, terms.fallbacks())?;
        terms.take(models.current().clone())?;
        models.filter_map(|model| terms.take(model).ok()).ok_or(Failure::Crashed)
    }

    /// The output of the model and the results of the tools in the last step.
    fn last_turn(&self) -> Vec<Message> {
        let answer = self.answer.read();
        let step = answer.parts.iter().rposition(|part| *part == Part::StepStart);
        prompt::answer(&answer.parts[step.unwrap_or(0)..], self.tools.files())
    }
}

/// How many calls of a model have made these parts.
fn steps(parts: &[Part]) -> u32 {
    let steps = parts.iter().filter(|part| **part == Part::StepStart).count();
    u32::try_from(steps).unwrap_or(u32::MAX)
}
