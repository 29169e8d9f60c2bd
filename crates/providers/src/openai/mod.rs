//! OpenAI, or a compatible server in its place.

use clock::Clock;
use futures_util::future::BoxFuture;

use crate::catalogue::{self, Capability, Endpoint, Model};
use crate::chat_completions::{Client, Dialect};
use crate::history;
use crate::registration::Registration;
use crate::settings::{Settings, SettingsError};
use crate::{
    Capabilities, Connection, EventStream, HostedKind, HostedTool, Provider, ProviderError,
    ProviderName, Request, reader,
};
use name::NAME;

mod models;
mod name;
mod responses;

const BASE_URL: &str = "https://api.openai.com/v1";
const DEFAULT_MODEL: &str = "gpt-6.1-terra";

pub(crate) fn register(
    settings: &Settings,
    clock: &Clock,
) -> Result<Vec<Registration>, SettingsError> {
    let registration = Registration::new(NAME);
    Ok(vec![match settings.openai.connection(BASE_URL, clock) {
        Some(connection) => registration.configured(OpenAi::new(connection))?,
        None => registration,
    }])
}

/// OpenAI or a compatible server.
///
/// Reasoning models of OpenAI itself use the Responses API, which alone returns their reasoning and
/// accepts it back; everything else uses Chat Completions.
#[derive(Debug)]
pub struct OpenAi {
    client: Client,
    capabilities: Capabilities,
    uses_responses: bool,
}

impl OpenAi {
    /// Validates the settings without connecting.
    pub fn new(mut connection: Connection) -> Result<Self, ProviderError> {
        if connection.base_url.trim().trim_end_matches('/').ends_with("//api.openai.com") {
            // OpenAI's own URL works without `/v1`, too.
            connection.base_url = BASE_URL.to_owned();
        }
        let is_vendor = connection.is_at(BASE_URL);
        let dialect = if is_vendor { Dialect::MODERN } else { Dialect::CONSERVATIVE };
        let capabilities = Capabilities {
            is_vendor,
            default_model: Some(DEFAULT_MODEL),
            ..Capabilities::default()
        };
        let client = Client::new(NAME, connection, dialect)?;
        Ok(Self { client, capabilities, uses_responses: is_vendor })
    }

    /// Enables or disables the Responses API. It is enabled only for OpenAI itself, since few other
    /// servers have it.
    #[must_use]
    pub fn with_responses(self, uses_responses: bool) -> Self {
        Self { uses_responses, ..self }
    }

    async fn answer(&self, request: Request) -> Result<EventStream, ProviderError> {
        let request = history::prepare(request, &NAME);
        if !self.answers_by_responses(&request)? {
            if !request.hosted_tools.is_empty() {
                let message = "this request cannot search the web; leave out stop or web_search";
                return Err(ProviderError::invalid(NAME, "tools", message));
            }
            return self.client.stream(&request).await;
        }
        let body = |dialect| responses::body(&request, dialect);
        let response = self.client.post(&request, "/responses", body).await?;
        reader::read(self.client.http(), response, responses::Decoder::default()).await
    }

    /// The Responses API does not support stop sequences, so requests with them use Chat Completions
    /// if the model supports it.
    fn answers_by_responses(&self, request: &Request) -> Result<bool, ProviderError> {
        let model = catalogue::find_for(&NAME, &request.model).filter(|_| self.uses_responses);
        let Some(model) = model else {
            return Ok(false);
        };
        if model.endpoint == Endpoint::Chat {
            return Ok(model.can(Capability::Reasoning) && request.stop.is_empty());
        }
        if request.stop.is_empty() {
            return Ok(true);
        }
        let message = format!("{} does not take stop; leave it out", request.model);
        Err(ProviderError::invalid(NAME, "stop", &message))
    }

    async fn models(&self) -> Result<Vec<Model>, ProviderError> {
        let mut models = self.client.list_models().await?;
        models.retain(|model| !self.capabilities.is_vendor || models::is_chat_model(&model.id));
        Ok(models)
    }
}

impl Provider for OpenAi {
    fn name(&self) -> &ProviderName {
        self.client.name()
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn hosts(&self, tool: &HostedTool, model: &str) -> Result<(), &'static str> {
        let known = catalogue::find_for(&NAME, model).filter(|_| self.uses_responses);
        let can = known.is_some_and(|model| {
            model.can(Capability::Tools)
                && (model.can(Capability::Reasoning) || model.endpoint == Endpoint::Responses)
        });
        match tool.kind {
            HostedKind::WebFetch => Err("is not there: OpenAI has no such tool"),
            HostedKind::WebSearch if !can => Err("is not there for this model"),
            HostedKind::WebSearch if !tool.blocked_domains.is_empty() => {
                Err("cannot be used with OpenAI's models: they take no blocked_domains")
            }
            HostedKind::WebSearch => Ok(()),
        }
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
