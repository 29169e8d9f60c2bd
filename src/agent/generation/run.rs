//! One generation, from the claim of its chat to the last save, in one task that no connection owns.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt};
use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, Interval, MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::warn;

use super::failure::Failure;
use super::recorder::{Begun, Saved, Started};
use super::title::{self, Titling};
use crate::agent::message::answer::{Answer, Claim, Status};
use crate::agent::message::prompt;
use crate::agent::tools::execute;
use crate::agent::usage::meter::Tally;
use crate::agent::usage::reservation::Reserved;
use crate::agent::{AnyTool, Job, Settings};
use crate::providers::catalogue::Capability;
use crate::providers::{
    Candidates, ChosenModel, Deadlines, ErrorKind, Event, FinishReason, Message, Request,
};
use crate::supabase::SupabaseError;

/// How long a failing model is asked again before the next one gets its turn.
const PATIENCE_WITH_FALLBACK: Duration = Duration::from_secs(8);
/// How many events that have already arrived are taken in at once.
const BATCH: usize = 64;

/// A generation at work.
pub(in crate::agent) struct Run {
    pub(in crate::agent) job: Arc<Job>,
    pub(in crate::agent) settings: Arc<Settings>,
    pub(in crate::agent) answer: watch::Sender<Answer>,
    /// The user has asked for a stop.
    pub(in crate::agent) stop: CancellationToken,
    /// The server cannot wait any longer.
    pub(in crate::agent) shutdown: CancellationToken,
    pub(super) tally: Tally,
    pub(super) model: Option<ChosenModel>,
    /// The call under way has brought nothing yet.
    pub(super) is_silent: bool,
    pub(super) started_at: Instant,
    pub(super) first_token_at: Option<Instant>,
    pub(super) checkpoints: Interval,
    pub(super) saving: Option<BoxFuture<'static, Result<Saved, SupabaseError>>>,
    pub(super) saved: Option<[usize; 3]>,
    /// What is reserved of the day's tokens, where they are limited.
    pub(super) reserved: Option<Reserved>,
    /// Where tasks that may outlive the answer are kept track of.
    pub(super) tasks: TaskTracker,
    pub(super) title: Option<oneshot::Receiver<String>>,
}

/// Why a generation ends early.
pub(in crate::agent) enum Interruption {
    Stopped,
    TooLarge,
    Failed(Failure),
}

impl<E: Into<Failure>> From<E> for Interruption {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

impl Run {
    pub(in crate::agent) fn new(
        job: Job,
        settings: Arc<Settings>,
        answer: watch::Sender<Answer>,
        stop: CancellationToken,
        shutdown: CancellationToken,
        tasks: TaskTracker,
    ) -> Self {
        let mut checkpoints = tokio::time::interval(settings.checkpoint_every);
        checkpoints.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            job: Arc::new(job),
            settings,
            answer,
            stop,
            shutdown,
            tally: Tally::default(),
            model: None,
            is_silent: true,
            started_at: Instant::now(),
            first_token_at: None,
            checkpoints,
            saving: None,
            saved: None,
            reserved: None,
            tasks,
            title: None,
        }
    }

    /// Runs to the end, whatever happens.
    pub(in crate::agent) async fn run(mut self) {
        let Some(started) = self.claim().await else { return };
        self.begin_title(&started);
        let outcome = AssertUnwindSafe(self.produce(*started)).catch_unwind().await;
        let outcome = outcome.unwrap_or(Err(Interruption::Failed(Failure::Crashed)));
        self.end(outcome).await;
    }

    /// Looks for a title beside the answer, where the chat has none yet.
    pub(super) fn begin_title(&mut self, started: &Started) {
        let question = title::question(&started.history).filter(|_| started.is_untitled);
        let Some(question) = question else { return };
        let (told, title) = oneshot::channel();
        let (job, settings) = (self.job.clone(), self.settings.clone());
        let titling = Titling { job, settings, question }.run(told);
        let shutdown = self.shutdown.clone();
        self.tasks.spawn(async move { shutdown.run_until_cancelled(titling).await });
        self.title = Some(title);
    }

    pub(super) async fn claim(&mut self) -> Option<Box<Started>> {
        let begun = self.job.recorder.begin(&self.job.credentials).await;
        let claim = match begun {
            Ok(Begun::Started(started)) => {
                self.reserved = started.reserved;
                self.answer.send_modify(|answer| {
                    answer.claim = Claim::Granted(started.rows.clone());
                    answer.metadata = started.metadata.clone();
                });
                return Some(started);
            }
            Ok(Begun::Elsewhere(rows)) => Claim::Elsewhere(rows),
            Ok(Begun::Answered(rows)) => Claim::Answered(rows),
            Ok(Begun::Refused(refusal)) => Claim::Refused(refusal),
            Err(error) => {
                self.withdraw(&error).await;
                let end = self.summary(Status::Failed, String::new(), Some(error.into()));
                self.answer.send_modify(|answer| answer.end = Some(end));
                return None;
            }
        };
        self.answer.send_modify(|answer| answer.claim = claim);
        None
    }

    /// Calls the model, runs its tools and calls it again, until it has said everything.
    pub(super) async fn produce(&mut self, mut started: Started) -> Result<String, Interruption> {
        let mut models = self.settings.providers.candidates(started.model.as_deref())?;
        let mut turns = Vec::new();
        let mut steps = 1;
        loop {
            let reason = self.call_one_of(&mut models, &mut started, &turns).await?;
            if reason != FinishReason::ToolCalls {
                return Ok(reason.as_str().to_owned());
            }
            if steps >= self.job.options.max_steps {
                return Ok("max_steps".to_owned());
            }
            steps += 1;
            if !self.run_tools().await? {
                return Ok("tool_loop".to_owned());
            }
            if self.answer.borrow().is_full() {
                return Err(Interruption::TooLarge);
            }
            turns.extend(self.last_turn());
        }
    }

    /// Calls the first of the models that answers.
    pub(super) async fn call_one_of(
        &mut self,
        models: &mut Candidates,
        started: &mut Started,
        turns: &[Message],
    ) -> Result<FinishReason, Interruption> {
        loop {
            let model = models.current().clone();
            self.use_model(&model);
            let mut request = self.request(started, turns, &model);
            if models.has_next() {
                request.deadlines.retries_end = Some(Instant::now() + PATIENCE_WITH_FALLBACK);
            }
            self.reserve(&mut request).await?;
            let result = self.call(&model, &request).await;
            let Err(Interruption::Failed(Failure::Provider(error))) = &result else {
                return result;
            };
            if !self.is_silent {
                return result;
            }
            if error.kind == ErrorKind::Attachment && self.leave_files(started, &model).await {
                warn!("the files of an earlier message are left out: {error}");
            } else if models.next_fallback(error) {
                warn!("{} gives way to {}: {error}", model.id, models.current().id);
            } else {
                return result;
            }
            self.tally.give_up_call(self.answer.borrow().bytes());
        }
    }

    pub(super) fn use_model(&mut self, model: &ChosenModel) {
        self.model = Some(model.clone());
        self.answer.send_modify(|answer| {
            answer.metadata.insert("model".into(), model.id.as_str().into());
            answer.metadata.insert("provider".into(), model.provider().as_str().into());
        });
    }

    pub(super) fn tools(&self, model: &ChosenModel) -> Vec<Arc<dyn AnyTool>> {
        let is_demo = model.provider_capabilities().is_simulated;
        let demo = self.settings.demo_tools.iter().filter(|_| is_demo);
        self.job.tools.iter().chain(demo).cloned().collect()
    }

    pub(super) fn request(
        &self,
        started: &Started,
        turns: &[Message],
        model: &ChosenModel,
    ) -> Request {
        let options = &self.job.options;
        let max_output_tokens = self.output_cap(model);
        let system = options.system.clone().or_else(|| started.system_prompt.clone());
        let messages = prompt::conversation(
            &started.history,
            turns,
            system.as_deref(),
            model.context_window(),
            max_output_tokens,
        );
        let (sees, reads_pdf) = (model.can(Capability::Vision), model.can(Capability::Documents));
        let messages = prompt::readable(messages, sees, reads_pdf);
        Request {
            model: String::new(),
            system,
            messages,
            tools: self.tools(model).iter().map(|tool| tool.definition()).collect(),
            max_output_tokens,
            temperature: options.temperature,
            top_p: options.top_p,
            stop: options.stop.clone(),
            reasoning_effort: options.reasoning_effort,
            response_format: options.response_format.clone(),
            deadlines: Deadlines {
                deadline: Some(self.started_at + self.settings.generation_timeout),
                retries_end: None,
            },
        }
    }

    /// One call of the model, taken in as it comes.
    pub(super) async fn call(
        &mut self,
        model: &ChosenModel,
        request: &Request,
    ) -> Result<FinishReason, Interruption> {
        self.is_silent = true;
        self.tally.begin_call(model, request, self.answer.borrow().bytes());
        self.checkpoint();
        let stream = self.attend(model.stream(request.clone())).await??;
        self.tally.accepted();
        let mut events = stream.ready_chunks(BATCH);
        let mut finish_reason = None;
        while let Some(batch) = self.attend(events.next()).await? {
            for event in batch {
                match event? {
                    Event::Usage(usage) => self.tally.report(usage),
                    Event::End { finish_reason: reason } => finish_reason = Some(reason),
                    event => self.take_in(event),
                }
            }
            if self.answer.borrow().is_full() {
                return Err(Interruption::TooLarge);
            }
        }
        self.tally.end_call(self.answer.borrow().bytes(), finish_reason.is_some());
        self.answer.send_modify(Answer::close_block);
        Ok(finish_reason.unwrap_or(FinishReason::Stop))
    }

    pub(super) fn take_in(&mut self, event: Event) {
        self.first_token_at.get_or_insert_with(Instant::now);
        let starts_step = std::mem::replace(&mut self.is_silent, false);
        self.answer.send_modify(|answer| {
            answer.is_visible = true;
            if starts_step {
                answer.start_step();
            }
            answer.apply(event);
        });
    }

    /// Runs the tools that were called; false when the model goes round in circles.
    pub(super) async fn run_tools(&mut self) -> Result<bool, Interruption> {
        let calls = execute::pending(&self.answer.borrow());
        if execute::is_hopeless(&calls) {
            return Ok(false);
        }
        let tools = self.model.as_ref().map(|model| self.tools(model)).unwrap_or_default();
        let runs = execute::run_all(calls, &tools, &self.job.credentials);
        let results = self.attend(runs).await?;
        self.answer.send_modify(|answer| execute::store(answer, results));
        Ok(true)
    }

    /// What the model has said and the tools have answered in the last step.
    pub(super) fn last_turn(&self) -> Vec<Message> {
        let answer = self.answer.borrow();
        let step = answer.parts.iter().rposition(|part| *part == crate::agent::Part::StepStart);
        prompt::answer(&answer.parts[step.unwrap_or(0)..])
    }
}

pub(in crate::agent) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
