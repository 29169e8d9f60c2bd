//! What a provider registers: its name, its settings, and itself where they configure it.

use std::sync::Arc;

use crate::catalogue::Model;
use crate::discovered_models::DiscoveredModels;
use crate::{Provider, ProviderError, ProviderName, SettingsError};

/// A provider that the settings may configure.
#[derive(Clone)]
pub(crate) struct Registration {
    pub name: ProviderName,
    /// What the names of its settings begin with.
    pub settings: String,
    /// Whether the ids of its models are listed with its name before them, and asked for so.
    pub is_qualified: bool,
    /// What the ids of its models begin with, so that they need no name before them.
    pub model_prefix: Option<&'static str>,
    pub configured: Option<ConfiguredProvider>,
}

/// A provider that can be asked.
#[derive(Clone)]
pub(crate) struct ConfiguredProvider {
    pub provider: Arc<dyn Provider>,
    pub models: DiscoveredModels,
}

/// A provider, and whether it can be asked.
#[derive(Clone, Debug)]
pub struct ProviderStatus {
    /// The provider's name.
    pub name: ProviderName,
    /// What the names of its settings begin with, such as `openai` in `openai_api_key`.
    pub settings: String,
    /// Whether the settings configure it.
    pub is_configured: bool,
    /// Whether its answers are made up by this process, without any model.
    pub is_simulated: bool,
}

impl Registration {
    /// A provider that is not configured.
    pub fn new(name: ProviderName) -> Self {
        let settings = name.to_string();
        Self { name, settings, is_qualified: false, model_prefix: None, configured: None }
    }

    /// The same, with its name before the ids of its models.
    pub fn qualified(self) -> Self {
        Self { is_qualified: true, ..self }
    }

    /// The same, where ids that begin so are its own.
    pub fn with_model_prefix(self, prefix: &'static str) -> Self {
        Self { model_prefix: Some(prefix), ..self }
    }

    /// The same, ready to be asked, unless its settings cannot be used.
    pub fn configured<P: Provider + 'static>(
        self,
        provider: Result<P, ProviderError>,
    ) -> Result<Self, SettingsError> {
        let provider = provider.map_err(|error| SettingsError::provider(&self.settings, &error))?;
        let models = DiscoveredModels::default();
        let configured = Some(ConfiguredProvider { provider: Arc::new(provider), models });
        Ok(Self { configured, ..self })
    }

    /// The same, offering these models and no others.
    pub fn with_models(mut self, models: Vec<Model>) -> Self {
        if let Some(configured) = &mut self.configured {
            configured.models = DiscoveredModels::fixed(models);
        }
        self
    }

    /// The id under which the API lists a model.
    pub fn public_id(&self, id: &str) -> String {
        if self.is_qualified { format!("{}/{id}", self.name) } else { id.to_owned() }
    }

    /// The provider's own id of a model; `None` for an id that names another provider's.
    pub fn own_id<'a>(&self, id: &'a str) -> Option<&'a str> {
        let qualified = id.strip_prefix(self.name.as_str()).and_then(|id| id.strip_prefix('/'));
        let is_bare = !self.is_qualified || self.owns_prefix(id);
        qualified.or_else(|| is_bare.then_some(id))
    }

    pub fn owns_prefix(&self, id: &str) -> bool {
        self.model_prefix.is_some_and(|prefix| id.starts_with(prefix))
    }

    pub fn accepts_unlisted_models(&self) -> bool {
        let configured = self.configured.as_ref();
        configured.is_none_or(|it| it.provider.capabilities().accepts_unlisted_models)
    }

    /// Whether this is a server of the operator's own, which may offer anything.
    pub fn is_custom(&self) -> bool {
        self.configured.as_ref().is_some_and(|it| !it.provider.capabilities().is_vendor)
    }

    /// The model that a configured vendor proposes.
    pub fn default_model(&self) -> Option<&'static str> {
        let capabilities = self.configured.as_ref()?.provider.capabilities();
        capabilities.default_model.filter(|_| capabilities.is_vendor)
    }

    pub fn status(&self) -> ProviderStatus {
        let configured = self.configured.as_ref();
        ProviderStatus {
            name: self.name.clone(),
            settings: self.settings.clone(),
            is_configured: configured.is_some(),
            is_simulated: configured.is_some_and(|it| it.provider.capabilities().is_simulated),
        }
    }
}
