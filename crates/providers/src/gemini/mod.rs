//! Google Gemini, through its OpenAI-compatible endpoint.
//!
//! Differences from OpenAI: models are listed as `models/…`; reasoning tokens are not part of the
//! output tokens; fewer reasoning efforts are supported; images are the only files; and some models
//! refuse a history in which the first tool call of a turn has no thought signature.

use clock::Clock;
use futures_util::StreamExt;
use futures_util::future::BoxFuture;

use crate::catalogue::Model;
use crate::chat_completions::{Client, Dialect};
use crate::history;
use crate::registration::Registration;
use crate::settings::{Settings, SettingsError};
use crate::{
    Capabilities, Connection, Event, EventStream, Provider, ProviderError, ProviderName,
    ReasoningEffort, Request,
};
use name::NAME;

mod models;
mod name;
mod signatures;
mod usage;

const BASE_URL: &str = "https://generativelanguage.googleapis.com/v1beta/openai";
const DEFAULT_MODEL: &str = "gemini/gemini-flash-latest";

pub(crate) fn register(
    settings: &Settings,
    clock: &Clock,
) -> Result<Vec<Registration>, SettingsError> {
    let registration = Registration::new(NAME).qualified().with_model_prefix("gemini-");
    Ok(vec![match settings.gemini.connection(BASE_URL, clock) {
        Some(connection) => registration.configured(Gemini::new(connection))?,
        None => registration,
    }])
}

/// Google Gemini, or a gateway in its place.
#[derive(Debug)]
pub struct Gemini {
    client: Client,
    capabilities: Capabilities,
}

impl Gemini {
    /// Validates the settings without connecting.
    pub fn new(connection: Connection) -> Result<Self, ProviderError> {
        let capabilities = Capabilities {
            is_vendor: connection.is_at(BASE_URL),
            describes_models: true,
            default_model: Some(DEFAULT_MODEL),
            telemetry_name: Some("gcp.gemini"),
            ..Capabilities::default()
        };
        let client = Client::new(NAME, connection, Dialect::CONSERVATIVE)?;
        Ok(Self { client, capabilities })
    }

    async fn answer(&self, request: Request) -> Result<EventStream, ProviderError> {
        let mut request = history::prepare(request, &NAME);
        request.reasoning_effort = request.reasoning_effort.map(known_effort);
        signatures::complete(&mut request.messages);
        let events = self.client.stream(&request).await?;
        let events = events.map(|event| match event {
            Ok(Event::Usage(usage)) => Ok(Event::Usage(usage::with_reasoning(usage))),
            other => other,
        });
        Ok(events.boxed())
    }

    async fn models(&self) -> Result<Vec<Model>, ProviderError> {
        let models = self.client.list_models().await?;
        Ok(models.into_iter().filter_map(models::described).collect())
    }
}

/// The nearest effort that the endpoint supports.
fn known_effort(effort: ReasoningEffort) -> ReasoningEffort {
    match effort {
        ReasoningEffort::Xhigh | ReasoningEffort::Max => ReasoningEffort::High,
        known => known,
    }
}

impl Provider for Gemini {
    fn name(&self) -> &ProviderName {
        self.client.name()
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn stream(&self, request: Request) -> BoxFuture<'_, Result<EventStream, ProviderError>> {
        Box::pin(self.answer(request))
    }

    fn list_models(&self) -> BoxFuture<'_, Result<Vec<Model>, ProviderError>> {
        Box::pin(self.models())
    }

    fn retries(&self) -> u64 {
        self.client.http().retries()
    }
}

#[cfg(test)]
mod tests;
