//! A provider that needs no key and no network: its answers are written by this server.

use std::collections::VecDeque;
use std::time::Duration;

use clock::Clock;
use futures_util::future::{BoxFuture, ready};
use futures_util::{FutureExt, StreamExt, stream};
use tokio::time::sleep;

use crate::catalogue::{self, Model};
use crate::registration::Registration;
use crate::settings::{ScriptedSettings, Settings, SettingsError};
use crate::{Capabilities, EventStream, Provider, ProviderError, ProviderName, Request};
use name::NAME;

mod commands;
mod example;
mod name;
mod script;
mod texts;

/// Its only model.
const DEMO: &str = "demo";

const CAPABILITIES: Capabilities = Capabilities {
    is_vendor: true,
    describes_models: true,
    accepts_unlisted_models: false,
    is_simulated: true,
    max_image_bytes: 20 << 20,
    max_image_side: None,
    default_model: Some("scripted/demo"),
};

pub(crate) fn register(settings: &Settings, _: &Clock) -> Result<Vec<Registration>, SettingsError> {
    let scripted = Scripted::new(settings.scripted.pace);
    Ok(vec![Registration::new(NAME).qualified().configured(Ok(scripted))?])
}

/// The scripted provider. Its one model is `scripted/demo`.
///
/// It echoes the last message, streams word by word, counts a token for every four characters, and
/// keeps to `max_output_tokens`, `stop` and `response_format`. The same request always gets the same
/// answer. Asked by its instructions for a title, it makes one from the last message. A turn that ends
/// with tool results is answered with what they say. And it obeys commands, so that a front end can be
/// built and tried without a provider:
///
/// | Command | What happens |
/// | --- | --- |
/// | `/help` | lists the commands |
/// | `/long [words]` | a long answer, 500 words or as many as asked for (at most 20,000) |
/// | `/slow [words]` | 20 words or as many as asked for, one every half second |
/// | `/reasoning` | sends reasoning before the answer |
/// | `/markdown` | headings, lists, a table, code, a formula, a link |
/// | `/tool [name] [arguments]` | calls a tool: the named or the first one offered, with the given JSON or made-up arguments that fit its schema |
/// | `/tools` | calls every tool that is offered, in parallel |
/// | `/error [kind]` | fails before the first word: `server`, `overloaded`, `rate_limited`, `quota`, `context_length` or `timeout` |
/// | `/error-late [kind]` | fails in the middle of the answer |
/// | `/empty` | ends without a word |
/// | `/refuse` | declines, with finish reason `refusal` |
/// | `/length` | stops in mid-sentence, with finish reason `length` |
#[derive(Debug)]
pub struct Scripted {
    pace: Duration,
}

impl Default for Scripted {
    /// At a natural pace.
    fn default() -> Self {
        Self::new(ScriptedSettings::default().pace)
    }
}

impl Scripted {
    /// One that pauses this long before each word.
    pub fn new(pace: Duration) -> Self {
        Self { pace }
    }

    fn answer(&self, request: &Request) -> Result<EventStream, ProviderError> {
        let script = commands::script(request)?;
        let steps = VecDeque::from(script.steps(request, self.pace));
        let events = stream::unfold(steps, |mut steps| async move {
            let (wait, event) = steps.pop_front()?;
            if !wait.is_zero() {
                sleep(wait).await;
            }
            Some((event, steps))
        });
        Ok(events.fuse().boxed())
    }
}

impl Provider for Scripted {
    fn name(&self) -> &ProviderName {
        const { &NAME }
    }

    fn capabilities(&self) -> &Capabilities {
        &CAPABILITIES
    }

    fn stream(&self, request: Request) -> BoxFuture<'_, Result<EventStream, ProviderError>> {
        ready(self.answer(&request)).boxed()
    }

    fn list_models(&self) -> BoxFuture<'_, Result<Vec<Model>, ProviderError>> {
        ready(Ok(catalogue::find_for(&NAME, DEMO).cloned().into_iter().collect())).boxed()
    }
}

#[cfg(test)]
mod tests;
