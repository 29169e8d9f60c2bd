//! Calling the model, and the next one when it cannot answer.

use std::future::poll_fn;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::time::Instant;
use tracing::{Instrument, warn};

use super::arrivals::Arrivals;
use super::refused_files::{DroppedFiles, suspect_files};
use super::{Interruption, Run, spans};
use crate::agent::generation::failure::Failure;
use crate::agent::generation::recorder::Started;
use crate::agent::message::answer::Answer;
use crate::observability::traces;
use crate::providers::{
    Candidates, ChosenModel, ErrorKind, Event, EventStream, FinishReason, HostedKind, Message,
    ProviderError, Request,
};

/// How long a failing model is asked again before the next one gets its turn.
const RETRY_TIME_BEFORE_FALLBACK: Duration = Duration::from_secs(8);
/// What the metadata of an answer says whose provider failed too late to spoil it.
const FAILED_AFTER_END: &str =
    "The provider failed after it had finished the answer, which is whole.";

impl Run {
    /// Calls the first of the models that answers.
    pub(super) async fn call_with_fallback(
        &mut self,
        models: &mut Candidates,
        started: &mut Started,
        turns: &[Message],
    ) -> Result<FinishReason, Interruption> {
        // Files without which a request is made that was refused with them.
        let mut suspects = None;
        loop {
            let model = models.current().clone();
            self.model.set(&model);
            self.answer.set_model(&model);
            // Boxed, since each future below would keep a copy of it.
            let mut request = Box::new(self.request(started, turns, &model));
            if models.has_next() {
                request.deadlines.retries_end = Some(Instant::now() + RETRY_TIME_BEFORE_FALLBACK);
            }
            Box::pin(self.reserve(&mut request, &model)).await?;
            let mut result = self.call(&model, request).await;
            if let Some(files) = suspects.as_deref().filter(|_| !self.model.is_silent()) {
                Box::pin(self.refuse_files(&model, files)).await;
            }
            let Err(Interruption::Failed(Failure::Provider(error))) = &mut result else {
                return result;
            };
            let (metrics, kind) = (&self.settings.metrics, error.kind.as_str());
            metrics.provider_error(model.provider().as_str(), kind);
            if !self.model.is_silent() {
                return result;
            }
            let dropped = match error.kind {
                ErrorKind::Attachment | ErrorKind::TooLarge => {
                    Box::pin(self.drop_files(started, &model)).await
                }
                ErrorKind::InvalidRequest if suspects.is_none() => {
                    suspects = suspect_files(started);
                    suspects.as_ref().map(|_| DroppedFiles::Earlier)
                }
                _ => None,
            };
            if dropped.is_none() && error.kind == ErrorKind::Attachment {
                // There is none that it could mean.
                error.kind = ErrorKind::InvalidRequest;
            }
            if dropped == Some(DroppedFiles::Earlier) {
                warn!("the files of an earlier message are left out: {error}");
            } else if models.next_fallback(error) {
                warn!("{} gives way to {}: {error}", model.id, models.current().id);
            } else {
                return result;
            }
            self.budget.meter.abandon_call(self.answer.bytes());
        }
    }

    /// Calls the model once, as a span of the trace.
    async fn call(
        &mut self,
        model: &ChosenModel,
        mut request: Box<Request>,
    ) -> Result<FinishReason, Interruption> {
        let span = spans::model_call(model, &request, self.settings.traces_content);
        span.in_scope(|| traces::inject(&mut request.headers));
        let parts_before = self.answer.read().parts.len();
        let result = self.read_answer(model, request).instrument(span.clone()).await;
        spans::end_model_call(
            &span,
            &result,
            self.budget.meter.last_call(self.answer.bytes()).as_ref(),
        );
        if self.settings.traces_content {
            spans::show_output(&span, &self.answer.read().parts[parts_before..]);
        }
        result
    }

    /// Calls the model once and applies its events to the answer.
    async fn read_answer(
        &mut self,
        model: &ChosenModel,
        request: Box<Request>,
    ) -> Result<FinishReason, Interruption> {
        self.model.begin_call();
        self.budget.meter.begin_call(model, &request, self.answer.bytes());
        self.checkpoint_soon();
        let stream = self.wait_for(begin(model, request)).await?;
        let mut arrivals = self.arrivals(stream)?;
        let mut finish_reason = None;
        let mut interruption = None;
        while !arrivals.has_ended {
            if interruption.is_none() {
                interruption = self.wait_for(poll_fn(|cx| arrivals.poll(cx))).await.err();
            }
            let goes_on = match &interruption {
                None => true,
                Some(Interruption::Failed(Failure::Unrenewed)) => arrivals.have_more().await,
                Some(_) => arrivals.have_arrived().await,
            };
            if !goes_on {
                break;
            }
            for event in std::mem::take(&mut arrivals.events) {
                if let Err(error) = self.handle_event(model, event, &mut finish_reason) {
                    return Err(interruption.unwrap_or_else(|| error.into()));
                }
            }
            arrivals.is_text_plain = !self.model.is_silent() && !self.is_candidate;
            self.answer.publish();
            if self.answer.read().is_full() {
                return Err(interruption.unwrap_or(Interruption::TooLarge));
            }
        }
        self.budget.meter.end_call(self.answer.bytes(), finish_reason.is_some());
        match interruption {
            // It is whole all the same.
            Some(Interruption::Failed(Failure::Unrenewed)) if arrivals.has_ended => {}
            Some(interruption) => return Err(interruption),
            None => {}
        }
        self.answer.update(Answer::close_block);
        Ok(finish_reason.unwrap_or(FinishReason::Stop))
    }

    /// What arrives of a call that the provider has answered. A function of its own: the task keeps no room for
    /// the result.
    fn arrivals(
        &mut self,
        stream: Result<EventStream, ProviderError>,
    ) -> Result<Arrivals, ProviderError> {
        let stream = stream.map_err(|error| self.without_instructions(error));
        match &stream {
            Ok(_) => self.budget.meter.call_accepted(),
            Err(error) if !error.may_have_cost => self.budget.meter.call_refused(),
            Err(_) => {}
        }
        Ok(Arrivals::new(stream?, self.answer.clone()))
    }

    fn handle_event(
        &mut self,
        model: &ChosenModel,
        event: Result<Event, ProviderError>,
        finish_reason: &mut Option<FinishReason>,
    ) -> Result<(), ProviderError> {
        match event.map_err(|error| self.without_instructions(error))? {
            Event::Usage(usage) => self.budget.meter.report(usage),
            Event::End { finish_reason: reason } => *finish_reason = Some(reason),
            Event::FailedAfterEnd(failure) => {
                let failure = self.quoted(&failure);
                warn!("the answer of {} is whole all the same: {failure}", model.id);
                self.answer.note(FAILED_AFTER_END);
            }
            event => {
                let search = HostedKind::WebSearch.name();
                if matches!(&event, Event::HostedCallStart { name, .. } if name == search) {
                    self.budget.meter.begin_search();
                }
                self.apply_event(event);
            }
        }
        Ok(())
    }

    /// A failure as it may be told: providers quote what they were sent.
    fn without_instructions(&self, error: ProviderError) -> ProviderError {
        match self.job.terms.instructions() {
            Some(instructions) => error.without(|word| instructions.are_repeated_by(word)),
            None => error,
        }
    }

    /// A provider's words for the log, unless they repeat what is confidential.
    fn quoted<'a>(&self, words: &'a str) -> &'a str {
        match self.job.terms.instructions() {
            Some(instructions) if instructions.are_repeated_by(words) => "it repeats instructions",
            _ => words,
        }
    }

    fn apply_event(&mut self, event: Event) {
        let starts_step = self.model.end_silence();
        if starts_step {
            spans::first_token(self.model.call_age(), self.settings.clock.now());
        }
        self.answer.apply(event, starts_step);
        if std::mem::take(&mut self.is_candidate) {
            self.checkpoints.hurry();
        }
    }
}

/// Sends a request, of which nothing is kept: a box that is moved from in place is kept to the end of its scope.
fn begin(
    model: &ChosenModel,
    request: Box<Request>,
) -> BoxFuture<'static, Result<EventStream, ProviderError>> {
    model.stream(*request)
}
