//! Servers that speak OpenAI's Chat Completions protocol, each under a name of its own.

use clock::Clock;
use futures_util::future::BoxFuture;

use crate::catalogue::Model;
use crate::chat_completions::{Client, Dialect};
use crate::history;
use crate::registration::Registration;
use crate::settings::{CompatibleSettings, Settings, SettingsError};
use crate::{
    Capabilities, Connection, EventStream, Provider, ProviderError, ProviderName, Request,
};

pub(crate) fn register(
    settings: &Settings,
    clock: &Clock,
) -> Result<Vec<Registration>, SettingsError> {
    settings.compatible.iter().map(|server| registration(server, clock)).collect()
}

fn registration(server: &CompatibleSettings, clock: &Clock) -> Result<Registration, SettingsError> {
    let connection = Connection::compatible(server.api_key.clone(), &server.base_url);
    let connection = Connection { clock: clock.clone(), ..connection };
    let registration = Registration {
        settings: format!("openai_compatible_{}", server.name),
        ..Registration::new(server.name.clone()).qualified()
    };
    let registration = registration.configured(Compatible::new(server.name.clone(), connection))?;
    if server.models.is_empty() {
        return Ok(registration);
    }
    let models = server.models.iter().map(|id| Model::unknown(&server.name, id));
    Ok(registration.with_models(models.collect()))
}

/// A server that speaks Chat Completions.
#[derive(Debug)]
pub struct Compatible {
    client: Client,
    capabilities: Capabilities,
}

impl Compatible {
    /// Validates the settings without connecting.
    pub fn new(name: ProviderName, connection: Connection) -> Result<Self, ProviderError> {
        let client = Client::new(name, connection, Dialect::CONSERVATIVE)?;
        Ok(Self { client, capabilities: Capabilities::default() })
    }

    async fn answer(&self, request: Request) -> Result<EventStream, ProviderError> {
        let request = history::prepare(request, self.name());
        self.client.stream(&request).await
    }
}

impl Provider for Compatible {
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
        Box::pin(self.client.list_models())
    }

    fn retries(&self) -> u64 {
        self.client.http().retries()
    }
}
