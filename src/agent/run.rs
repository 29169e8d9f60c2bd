//! One generation, from the claim of its chat to the last save, in one task that no connection owns.

use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt};
use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, Interval, MissedTickBehavior, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use super::answer::{Answer, Claim, End, Status};
use super::failure::Failure;
use super::recorder::{Begun, Save, Saved, Started};
use super::tally::Tally;
use super::title::{self, Titling};
use super::{Job, Settings, Tool, prompt, save, toolbox};
use crate::providers::catalogue::Capability;
use crate::providers::{
    Candidates, ChosenModel, Event, FinishReason, Message, Patience, ProviderName, Request,
};
use crate::supabase::SupabaseError;

/// How long a failure stays a plain HTTP problem while the model is silent.
const SILENCE: Duration = Duration::from_secs(10);
/// How long the end of an answer waits for its title to be saved.
const TITLE_PATIENCE: Duration = Duration::from_millis(50);
/// How long a failing model is asked again before the next one gets its turn.
const PATIENCE_WITH_FALLBACK: Duration = Duration::from_secs(8);
/// Without a service key, a generation ends this long before its token does.
const LAST_MINUTE_S: i64 = 15;
/// How many events that have already arrived are taken in at once.
const BATCH: usize = 64;

/// A generation at work.
pub(super) struct Run {
    pub(super) job: Arc<Job>,
    pub(super) settings: Arc<Settings>,
    pub(super) answer: watch::Sender<Answer>,
    /// The user has asked for a stop.
    pub(super) stop: CancellationToken,
    /// The server cannot wait any longer.
    pub(super) shutdown: CancellationToken,
    tally: Tally,
    model: Option<ChosenModel>,
    /// The call under way has brought nothing yet.
    is_silent: bool,
    started_at: Instant,
    first_token_at: Option<Instant>,
    checkpoints: Interval,
    saving: Option<BoxFuture<'static, Result<Saved, SupabaseError>>>,
    saved: Option<[usize; 3]>,
    /// Where tasks that may outlive the answer are kept track of.
    tasks: TaskTracker,
    title: Option<oneshot::Receiver<String>>,
}

/// Why a generation ends early.
pub(super) enum Interruption {
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
    pub(super) fn new(
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
            tasks,
            title: None,
        }
    }

    /// Runs to the end, whatever happens.
    pub(super) async fn run(mut self) {
        let Some(started) = self.claim().await else { return };
        self.begin_title(&started);
        let outcome = AssertUnwindSafe(self.produce(*started)).catch_unwind().await;
        let outcome = outcome.unwrap_or(Err(Interruption::Failed(Failure::Crashed)));
        self.end(outcome).await;
    }

    /// Looks for a title beside the answer, where the chat has none yet.
    fn begin_title(&mut self, started: &Started) {
        let question = title::question(&started.history).filter(|_| started.is_untitled);
        let Some(question) = question else { return };
        let (told, title) = oneshot::channel();
        let (job, settings) = (self.job.clone(), self.settings.clone());
        let titling = Titling { job, settings, question }.run(told);
        let shutdown = self.shutdown.clone();
        self.tasks.spawn(async move { shutdown.run_until_cancelled(titling).await });
        self.title = Some(title);
    }

    /// A title that was taken from the question is only being saved; a model's is not waited for.
    async fn wait_for_title(&mut self) {
        let Some(mut title) = self.title.take() else { return };
        let title = match self.settings.providers.title_model() {
            Some(_) => title.try_recv().ok(),
            None => timeout(TITLE_PATIENCE, title).await.ok().and_then(Result::ok),
        };
        self.take_title(title);
    }

    fn take_title(&mut self, title: Option<String>) {
        self.title = None;
        if title.is_some() {
            self.answer.send_modify(|answer| answer.title = title);
        }
    }

    async fn claim(&mut self) -> Option<Box<Started>> {
        let begun = self.job.recorder.begin(&self.job.credentials).await;
        let claim = match begun {
            Ok(Begun::Started(started)) => {
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
                let end = self.summary(Status::Failed, String::new(), Some(error.into()));
                self.answer.send_modify(|answer| answer.end = Some(end));
                return None;
            }
        };
        self.answer.send_modify(|answer| answer.claim = claim);
        None
    }

    /// Calls the model, runs its tools and calls it again, until it has said everything.
    async fn produce(&mut self, started: Started) -> Result<String, Interruption> {
        let mut models = self.settings.providers.candidates(started.model.as_deref())?;
        let mut turns = Vec::new();
        let mut steps = 1;
        loop {
            let reason = self.call_one_of(&mut models, &started, &turns).await?;
            if reason != FinishReason::ToolCalls {
                return Ok(reason.as_str().to_owned());
            }
            if steps >= self.job.options.max_steps {
                return Ok("max_steps".to_owned());
            }
            steps += 1;
            self.run_tools().await?;
            if self.answer.borrow().is_full() {
                return Err(Interruption::TooLarge);
            }
            turns.extend(self.last_turn());
        }
    }

    /// Calls the first of the models that answers.
    async fn call_one_of(
        &mut self,
        models: &mut Candidates,
        started: &Started,
        turns: &[Message],
    ) -> Result<FinishReason, Interruption> {
        loop {
            let model = models.current().clone();
            self.use_model(&model);
            let mut request = self.request(started, turns, &model);
            if models.has_next() {
                request.patience.retries_end = Some(Instant::now() + PATIENCE_WITH_FALLBACK);
            }
            match self.call(&model, &request).await {
                Err(Interruption::Failed(Failure::Provider(error)))
                    if self.is_silent && models.give_way(&error) =>
                {
                    warn!("{} gives way to {}: {error}", model.id, models.current().id);
                    self.tally.give_up_call(self.answer.borrow().bytes());
                }
                result => return result,
            }
        }
    }

    fn use_model(&mut self, model: &ChosenModel) {
        self.model = Some(model.clone());
        self.answer.send_modify(|answer| {
            answer.metadata.insert("model".into(), model.id.as_str().into());
            answer.metadata.insert("provider".into(), model.provider().as_str().into());
        });
    }

    fn tools(&self, model: &ChosenModel) -> Vec<Arc<dyn Tool>> {
        let is_demo = model.provider() == ProviderName::Scripted;
        let demo = self.settings.demo_tools.iter().filter(|_| is_demo);
        self.job.tools.iter().chain(demo).cloned().collect()
    }

    fn request(&self, started: &Started, turns: &[Message], model: &ChosenModel) -> Request {
        let options = &self.job.options;
        let system = options.system.clone().or_else(|| started.system_prompt.clone());
        let messages = prompt::conversation(
            &started.history,
            turns,
            system.as_deref(),
            model.context_window(),
            options.max_output_tokens,
        );
        let (sees, reads_pdf) = (model.can(Capability::Vision), model.can(Capability::Documents));
        let messages = prompt::readable(messages, sees, reads_pdf);
        Request {
            model: String::new(),
            system,
            messages,
            tools: self.tools(model).iter().map(|tool| tool.definition()).collect(),
            max_output_tokens: options.max_output_tokens,
            temperature: options.temperature,
            top_p: options.top_p,
            stop: options.stop.clone(),
            reasoning_effort: options.reasoning_effort,
            response_format: options.response_format.clone(),
            patience: Patience {
                deadline: Some(self.started_at + self.settings.generation_timeout),
                retries_end: None,
            },
        }
    }

    /// One call of the model, taken in as it comes.
    async fn call(
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

    fn take_in(&mut self, event: Event) {
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

    async fn run_tools(&mut self) -> Result<(), Interruption> {
        let calls = toolbox::pending(&self.answer.borrow());
        let tools = self.model.as_ref().map(|model| self.tools(model)).unwrap_or_default();
        let runs = toolbox::run_all(calls, &tools, &self.job.credentials);
        let results = self.attend(runs).await?;
        self.answer.send_modify(|answer| toolbox::store(answer, results));
        Ok(())
    }

    /// What the model has said and the tools have answered in the last step.
    fn last_turn(&self) -> Vec<Message> {
        let answer = self.answer.borrow();
        let step = answer.parts.iter().rposition(|part| *part == super::Part::StepStart);
        prompt::answer(&answer.parts[step.unwrap_or(0)..])
    }

    /// Waits for `work` while keeping the lease, saving, and watching for reasons to end.
    async fn attend<T>(&mut self, work: impl Future<Output = T>) -> Result<T, Interruption> {
        let mut work = pin!(work);
        let deadline = self.started_at + self.settings.generation_timeout;
        let silence_ends = self.started_at + SILENCE;
        loop {
            let is_silent = !self.answer.borrow().is_visible;
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return Err(Interruption::Stopped),
                () = self.shutdown.cancelled() => return Err(Failure::ShuttingDown.into()),
                result = &mut work => return Ok(result),
                saved = under_way(&mut self.saving) => {
                    self.saving = None;
                    self.heed(saved)?;
                }
                title = under_way(&mut self.title) => self.take_title(title.ok()),
                _ = self.checkpoints.tick() => self.keep_alive()?,
                () = self.answer.closed(), if !self.job.survives_disconnect => {
                    return Err(Interruption::Stopped);
                }
                () = sleep_until(silence_ends), if is_silent => {
                    self.answer.send_modify(|answer| answer.is_visible = true);
                }
                () = sleep_until(deadline) => return Err(Failure::TooLong.into()),
            }
        }
    }

    fn keep_alive(&mut self) -> Result<(), Interruption> {
        let now = self.settings.clock.unix_seconds();
        let token_ends = self.job.credentials.expires_at() - LAST_MINUTE_S <= now;
        if token_ends && !self.settings.outlives_tokens {
            return Err(Failure::TokenExpired.into());
        }
        self.checkpoint();
        Ok(())
    }

    /// Begins to save what there is, unless a save is still under way.
    fn checkpoint(&mut self) {
        if self.saving.is_some() {
            return;
        }
        let answer = self.answer.borrow();
        let bytes = answer.bytes();
        let text = (self.saved != Some(answer.version())).then(|| save::text(&answer));
        self.saved = Some(answer.version());
        let usage = self.tally.so_far(bytes);
        let save = Save {
            text,
            model: self.model.as_ref().map(|model| model.id.clone()),
            metadata: Some(answer.metadata.clone()),
            usage: Some(usage.tokens()),
            cost_usd: usage.cost_usd(),
            end: None,
        };
        drop(answer);
        self.saving = Some(save::once(&self.job, save));
    }

    fn heed(&mut self, saved: Result<Saved, SupabaseError>) -> Result<(), Interruption> {
        match saved {
            Ok(saved) if !saved.is_owned => Err(Failure::Lost.into()),
            Ok(saved) if saved.stop_requested => Err(Interruption::Stopped),
            Ok(_) => Ok(()),
            Err(error) => {
                warn!("a checkpoint could not be saved, the next one will be: {error}");
                self.saved = None;
                Ok(())
            }
        }
    }

    /// Saves the end and tells the listeners.
    async fn end(&mut self, outcome: Result<String, Interruption>) {
        let (status, finish_reason, failure) = match outcome {
            Ok(reason) => (Status::Complete, reason, None),
            Err(Interruption::TooLarge) => (Status::Complete, "length".into(), None),
            Err(Interruption::Stopped) => (Status::Stopped, "stopped".into(), None),
            Err(Interruption::Failed(failure)) => {
                let (status, reason) = save::ending(&failure);
                (status, reason.into(), Some(failure))
            }
        };
        if let Some(saving) = self.saving.take() {
            // One save at a time; this one's answer no longer matters.
            let _ = saving.await;
        }
        self.tally.end_call(self.answer.borrow().bytes(), false);
        let mut end = self.summary(status, finish_reason, failure);
        self.answer.send_modify(|answer| {
            answer.close_all();
            answer.metadata.extend(save::final_metadata(&end));
        });
        let save = self.last_save(&end);
        if let Some(log) = save.end.as_ref().and_then(|end| end.usage_log.as_ref()) {
            self.settings.metrics.answer(log.answered());
        }
        match save::until_saved(&self.job, &save, &self.settings).await {
            Ok(saved) if saved.is_owned || saved.status == Some(end.status) => {
                end.message = saved.message;
            }
            Ok(_) if end.status == Status::Complete => {
                end.status = Status::Interrupted;
                end.failure = Some(Failure::Lost);
            }
            Ok(_) => {}
            Err(error) if end.failure.is_none() => {
                end.status = Status::Failed;
                end.failure = Some(error.into());
            }
            Err(_) => {}
        }
        self.wait_for_title().await;
        info!(status = end.status.as_str(), latency_ms = end.latency_ms, "generation ended");
        self.answer.send_modify(|answer| answer.end = Some(end));
    }

    fn summary(&self, status: Status, finish_reason: String, failure: Option<Failure>) -> End {
        let usage = self.tally.total();
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
            self.model.as_ref().filter(|_| self.tally.has_calls()).map(|model| {
                save::usage_log(&self.job, model, end, &self.tally.total(), first_token)
            });
        save::last(&answer, end, self.model.as_ref(), log)
    }
}

/// What comes of the work under way; never without one.
async fn under_way<F: Future + Unpin>(work: &mut Option<F>) -> F::Output {
    match work {
        Some(work) => work.await,
        None => std::future::pending().await,
    }
}

pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
