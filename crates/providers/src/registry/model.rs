//! The models of the registry.

use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::catalogue::{self, Capability, Model, Price, PriceSource, Prices, Usd};
use crate::{
    Capabilities, EventStream, HostedTool, Provider, ProviderError, ProviderName, Request, Usage,
};

/// A model that can be used.
#[derive(Clone)]
pub struct ChosenModel {
    /// ID of the model in the API.
    pub id: String,
    pub(super) provider: Arc<dyn Provider>,
    /// ID of the model at its provider.
    pub(super) own_id: String,
    pub(super) known: Option<Arc<Model>>,
    /// Shared, because a generation has several copies of its model.
    pub(super) prices: Option<Arc<Prices>>,
}

/// A model, and whether it is available.
pub struct ListedModel {
    /// ID of the model in the API.
    pub id: String,
    /// What is known about it.
    pub model: Arc<Model>,
    /// Whether its provider is configured and offers it.
    pub is_available: bool,
}

impl ChosenModel {
    /// The provider's name.
    pub fn provider(&self) -> &ProviderName {
        self.provider.name()
    }

    /// The id with the provider's name as a prefix.
    pub fn qualified_id(&self) -> String {
        format!("{}/{}", self.provider(), self.own_id)
    }

    /// The capabilities of the provider.
    pub fn provider_capabilities(&self) -> &Capabilities {
        self.provider.capabilities()
    }

    /// Maximum number of input tokens, if known.
    pub fn context_window(&self) -> Option<u64> {
        self.known.as_ref()?.context_window.map(u64::from)
    }

    /// Maximum number of output tokens, if known.
    pub fn max_output_tokens(&self) -> Option<u32> {
        self.known.as_ref()?.max_output_tokens
    }

    /// Whether the model has this capability, as far as is known. A model about which nothing is known
    /// may be capable of anything.
    pub fn can(&self, capability: Capability) -> bool {
        let Some(model) = &self.known else { return true };
        let is_described = self.provider.capabilities().describes_models
            || catalogue::find_for(&model.provider, &model.id).is_some();
        !is_described || model.can(capability)
    }

    /// Whether its provider runs this tool for it; `Err` says why not, after the tool's name.
    pub fn hosts(&self, tool: &HostedTool) -> Result<(), &'static str> {
        self.provider.hosts(tool, &self.own_id)
    }

    /// The prices, if known.
    pub fn prices(&self) -> Option<&Prices> {
        self.prices.as_deref()
    }

    /// The same with a price for each token, or `None`: what has no price costs as much as is given.
    pub fn priced(self, unpriced: Option<Price>) -> Option<Self> {
        let known = self.prices.map(Arc::unwrap_or_clone).map(Prices::completed);
        let prices = known.or_else(|| unpriced.map(Prices::flat))?;
        Some(Self { prices: Some(Arc::new(prices)), ..self })
    }

    /// The cost of a call, if known: at the operator's prices, else the provider's own figure if it gives
    /// one, else at the catalogue's prices.
    pub fn cost(&self, usage: &Usage) -> Option<Usd> {
        let reported = usage.cost_usd.map(Usd::from_f64);
        match (&self.prices, reported) {
            (Some(prices), Some(_)) if prices.source == PriceSource::Operator => prices.cost(usage),
            (_, Some(reported)) => Some(reported),
            (Some(prices), None) => prices.cost(usage),
            (None, None) => None,
        }
    }

    /// Sends a request to the model; `request.model` is filled in.
    pub fn stream(
        &self,
        request: Request,
    ) -> BoxFuture<'static, Result<EventStream, ProviderError>> {
        let provider = self.provider.clone();
        let request = Request { model: self.own_id.clone(), ..request };
        Box::pin(async move { provider.stream(request).await })
    }
}
