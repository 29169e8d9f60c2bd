//! Titles for chats that have none of their own: asked of TITLE_MODEL, else taken from the question.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};
use tracing::{debug, warn};

use super::recorder::UsageLog;
use super::run::millis;
use crate::agent::message::answer::Status;
use crate::agent::message::part;
use crate::agent::usage::meter::UsageMeter;
use crate::agent::{Job, Settings};
use crate::providers::{ChosenModel, Content, Event, Message, Request, Role};

const INSTRUCTIONS: &str = "\
Write a title for the conversation that begins with the user's message: at most six words, in the \
message's language, without quotation marks. Answer with the title and nothing else.";
/// How many characters of the question the model reads.
const LONGEST_QUESTION: usize = 2_000;
/// How many characters a title taken from the question has at the most.
const LONGEST_TITLE: usize = 60;
const TIMEOUT: Duration = Duration::from_secs(30);

/// What a title is made from.
pub(in crate::agent) struct TitleTask {
    pub(in crate::agent) job: Arc<Job>,
    pub(in crate::agent) settings: Arc<Settings>,
    /// The question's text.
    pub(in crate::agent) question: String,
}

impl TitleTask {
    /// Finds a title and saves it, unless the user has chosen one meanwhile; it is sent
    /// to `title_tx` if it was saved.
    pub(in crate::agent) async fn run(self, title_tx: oneshot::Sender<String>) {
        let Some(title) = self.find().await else { return };
        match self.job.recorder.save_title(&self.job.credentials, &title).await {
            // The answer may have ended before; the title is stored all the same.
            Ok(true) => drop(title_tx.send(title)),
            Ok(false) => debug!("the chat has a title by now"),
            Err(error) => warn!("a chat's title could not be saved: {error}"),
        }
    }

    async fn find(&self) -> Option<String> {
        // A title is not worth a reservation: with a daily limit the model is not asked.
        let is_free = self.settings.daily_token_limit.is_none();
        let said = match self.settings.providers.title_model().filter(|_| is_free) {
            Some(model) => self.ask(&model).await,
            None => None,
        };
        said.as_deref().and_then(from_text).or_else(|| from_text(&self.question))
    }

    /// What the model says, if it says it in time.
    async fn ask(&self, model: &ChosenModel) -> Option<String> {
        let began = Instant::now();
        let question: String = self.question.chars().take(LONGEST_QUESTION).collect();
        let request = Request {
            system: Some(INSTRUCTIONS.to_owned()),
            messages: vec![Message { role: Role::User, content: vec![Content::text(question)] }],
            ..Request::default()
        };
        let mut meter = UsageMeter::default();
        meter.begin_call(model, &request, 0);
        let mut said = String::new();
        let is_whole = matches!(
            timeout(TIMEOUT, listen(model, request, &mut meter, &mut said)).await,
            Ok(true)
        );
        meter.end_call(said.len(), is_whole);
        let total = meter.total();
        let tokens = total.tokens();
        let usage = UsageLog {
            operation: "title",
            provider: model.provider().clone(),
            model: model.id.clone(),
            input_tokens: tokens.input_tokens,
            output_tokens: tokens.output_tokens,
            cached_input_tokens: tokens.cached_input_tokens,
            cache_write_input_tokens: tokens.cache_write_input_tokens,
            reasoning_tokens: tokens.reasoning_tokens,
            usage_source: total.source(),
            cost_usd: total.cost_usd(),
            latency_ms: millis(began.elapsed()),
            time_to_first_token_ms: None,
            status: if is_whole { Status::Complete } else { Status::Failed }.as_str(),
            error_code: (!is_whole).then_some("provider_error"),
            raw: total.raw(),
        };
        self.settings.metrics.answer(usage.answered());
        if let Err(error) = self.job.recorder.save_usage(&self.job.credentials, &usage).await {
            warn!("the usage of a title could not be saved: {error}");
        }
        is_whole.then_some(said)
    }
}

/// Collects an answer; whether it came to its end.
async fn listen(
    model: &ChosenModel,
    request: Request,
    meter: &mut UsageMeter,
    said: &mut String,
) -> bool {
    let mut events = match model.stream(request).await {
        Ok(events) => events,
        Err(error) => {
            warn!("no title from {}: {error}", model.id);
            return false;
        }
    };
    meter.call_accepted();
    while let Some(event) = events.next().await {
        match event {
            Ok(Event::Text(text)) => said.push_str(&text),
            Ok(Event::Usage(usage)) => meter.report(usage),
            Ok(Event::End { .. }) => return true,
            Ok(_) => {}
            Err(error) => {
                warn!("no title from {}: {error}", model.id);
                return false;
            }
        }
    }
    false
}

/// The first line that says something, without markup, cut between words.
fn from_text(text: &str) -> Option<String> {
    let is_markup = |c: char| c.is_whitespace() || "#>*`\"'“”„«»-_".contains(c);
    let line =
        text.lines().map(|line| line.trim_matches(is_markup)).find(|line| !line.is_empty())?;
    let mut title = String::new();
    let mut length = 0;
    for word in line.split_whitespace() {
        let characters = word.chars().count();
        if length + characters + 1 > LONGEST_TITLE {
            if title.is_empty() {
                title = word.chars().take(LONGEST_TITLE - 1).collect();
            }
            title.push('…');
            break;
        }
        if !title.is_empty() {
            title.push(' ');
            length += 1;
        }
        title.push_str(word);
        length += characters;
    }
    Some(title.replace('\0', "\u{fffd}"))
}

/// The question that the history ends with.
pub(in crate::agent) fn question(history: &[crate::agent::HistoryMessage]) -> Option<String> {
    let message = history.iter().rfind(|message| message.role == "user")?;
    Some(part::content(&message.parts)).filter(|text| !text.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::from_text;

    #[test]
    fn a_title_is_the_beginning_of_the_text() {
        for (text, title) in [
            ("Plan a trip", Some("Plan a trip")),
            ("\n\n## **Plan** a trip\nto Rome", Some("Plan** a trip")),
            ("\"Plan a trip\"", Some("Plan a trip")),
            ("  \n\t", None),
            ("***", None),
            (
                "How would you explain the borrow checker to somebody who only knows Python?",
                Some("How would you explain the borrow checker to somebody who…"),
            ),
        ] {
            assert_eq!(from_text(text).as_deref(), title, "{text}");
        }
        let long = from_text(&"ü".repeat(300)).unwrap();
        assert_eq!((long.chars().count(), long.ends_with('…')), (60, true));
    }
}
