//! Titles for chats that have none of their own: asked of TITLE_MODEL, else taken from the question.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};

use super::answer_writer::millis;
use crate::agent::generation::usage_log::UsageLog;
use crate::agent::message::answer::Status;
use crate::agent::message::history::HistoryMessage;
use crate::agent::message::part;
use crate::agent::usage::meter::UsageMeter;
use crate::agent::{Job, Settings};
use crate::providers::{ChosenModel, Content, Event, Message, Request, Role};

const INSTRUCTIONS: &str = "\
Write a title for the conversation that begins with the user's message: at most six words, in the \
message's language, without quotation marks. Answer with the title and nothing else.";
/// How many characters of the question the model reads.
const MAX_QUESTION_CHARS: usize = 2_000;
/// The maximum length of a title taken from the question, in characters.
const MAX_TITLE_CHARS: usize = 60;
const TIMEOUT: Duration = Duration::from_secs(30);

/// How long the end of an answer waits for its title to be saved.
const TITLE_GRACE: Duration = Duration::from_millis(50);

/// The title that is looked for beside an answer.
pub(super) struct PendingTitle {
    /// Where tasks that may outlive the answer are kept track of.
    tasks: TaskTracker,
    receiver: Option<oneshot::Receiver<String>>,
}

impl PendingTitle {
    pub(super) fn new(tasks: TaskTracker) -> Self {
        Self { tasks, receiver: None }
    }

    pub(super) fn start(&mut self, task: TitleTask) {
        let (title_tx, title) = oneshot::channel();
        self.tasks.spawn(task.run(title_tx));
        self.receiver = Some(title);
    }

    /// Waits for the title, if there is one to come; none if its search has failed.
    pub(super) async fn found(&mut self) -> Option<String> {
        let title = match &mut self.receiver {
            Some(title) => title.await.ok(),
            None => std::future::pending().await,
        };
        self.receiver = None;
        title
    }

    /// The title at the end of the answer. One that was taken from the question is only being saved; a
    /// model's is not waited for.
    pub(super) async fn at_end(&mut self, has_model: bool) -> Option<String> {
        let mut title = self.receiver.take()?;
        if has_model {
            return title.try_recv().ok();
        }
        timeout(TITLE_GRACE, title).await.ok()?.ok()
    }
}

/// What a title is made from.
pub(super) struct TitleTask {
    pub(super) job: Arc<Job>,
    pub(super) settings: Arc<Settings>,
    /// The question's text.
    pub(super) question: String,
    /// The server cannot wait any longer.
    pub(super) shutdown: CancellationToken,
}

impl TitleTask {
    /// Finds a title and saves it, unless the user has chosen one meanwhile; it is sent
    /// to `title_tx` if it was saved.
    pub(super) async fn run(self, title_tx: oneshot::Sender<String>) {
        let Some(title) = self.find().await.filter(|_| !self.shutdown.is_cancelled()) else {
            return;
        };
        match self.job.recorder.save_title(&self.job.credentials, &title).await {
            // The answer may have ended before; the title is stored all the same.
            Ok(true) => drop(title_tx.send(title)),
            Ok(false) => debug!("the chat has a title by now"),
            Err(error) => warn!("a chat's title could not be saved: {error}"),
        }
    }

    async fn find(&self) -> Option<String> {
        // A title is not worth a reservation: with a limit the model is not asked.
        let is_free = !self.job.terms.has_limits();
        let output = match self.settings.providers.title_model().filter(|_| is_free) {
            Some(model) => self.ask(&model).await,
            None => None,
        };
        output.as_deref().and_then(from_text).or_else(|| from_text(&self.question))
    }

    /// What the model says, if it says it in time.
    async fn ask(&self, model: &ChosenModel) -> Option<String> {
        let began = Instant::now();
        let question: String = self.question.chars().take(MAX_QUESTION_CHARS).collect();
        let request = Request {
            system: Some(INSTRUCTIONS.to_owned()),
            messages: vec![Message { role: Role::User, content: vec![Content::text(question)] }],
            ..Request::default()
        };
        let mut meter = UsageMeter::default();
        meter.begin_call(model, &request, 0);
        let mut output = String::new();
        let listening = timeout(TIMEOUT, listen(model, request, &mut meter, &mut output));
        // A call that is cut off has been paid for all the same.
        let heard = self.shutdown.run_until_cancelled(listening).await;
        let is_whole = matches!(heard, Some(Ok(true)));
        meter.end_call(output.len(), is_whole);
        let (status, error_code) = match heard {
            Some(Ok(true)) => (Status::Complete, None),
            Some(_) => (Status::Failed, Some("provider_error")),
            None => (Status::Interrupted, Some("server_shutdown")),
        };
        let usage = UsageLog {
            error_code,
            ..UsageLog::new(
                "title",
                model,
                &meter.total(),
                status,
                millis(began.elapsed()),
                &self.job.terms,
            )
        };
        self.settings.metrics.answer(usage.answered());
        if let Err(error) = self.job.recorder.save_usage(&self.job.credentials, &usage).await {
            warn!("the usage of a title could not be saved: {error}");
        }
        is_whole.then_some(output)
    }
}

/// Collects an answer; whether it came to its end.
async fn listen(
    model: &ChosenModel,
    request: Request,
    meter: &mut UsageMeter,
    output: &mut String,
) -> bool {
    let mut events = match model.stream(request).await {
        Ok(events) => events,
        Err(error) => {
            meter.call_refused();
            warn!("no title from {}: {error}", model.id);
            return false;
        }
    };
    meter.call_accepted();
    while let Some(event) = events.next().await {
        match event {
            Ok(Event::Text(text)) => output.push_str(&text),
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
        if length + characters + 1 > MAX_TITLE_CHARS {
            if title.is_empty() {
                title = word.chars().take(MAX_TITLE_CHARS - 1).collect();
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
pub(super) fn question(history: &[HistoryMessage]) -> Option<String> {
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
