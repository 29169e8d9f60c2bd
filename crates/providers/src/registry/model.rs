//! Models as the registry gives them out.

use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::catalogue::{self, Capability, Model};
use crate::{Capabilities, EventStream, Provider, ProviderError, ProviderName, Request, Usage};

/// A model that can be asked.
#[derive(Clone)]
pub struct ChosenModel {
    /// The id as the API lists it.
    pub id: String,
    pub(super) provider: Arc<dyn Provider>,
    /// The id as its provider knows it.
    pub(super) own_id: String,
    pub(super) known: Option<Arc<Model>>,
}

/// A model, and whether it can be asked here.
pub struct ListedModel {
    /// The id as the API lists it.
    pub id: String,
    /// What is known about it.
    pub model: Arc<Model>,
    /// Whether its provider is configured and has it.
    pub is_available: bool,
}

impl ChosenModel {
    /// The provider's name.
    pub fn provider(&self) -> &ProviderName {
        self.provider.name()
    }

    /// What the provider can do.
    pub fn provider_capabilities(&self) -> &Capabilities {
        self.provider.capabilities()
    }

    /// The most tokens the model can take in, where known.
    pub fn context_window(&self) -> Option<u64> {
        self.known.as_ref()?.context_window.map(u64::from)
    }

    /// The most tokens the model can write, where known.
    pub fn max_output_tokens(&self) -> Option<u32> {
        self.known.as_ref()?.max_output_tokens
    }

    /// Whether the model can do this, as far as is known. A model about which nothing is known may be
    /// able to do anything.
    pub fn can(&self, capability: Capability) -> bool {
        let Some(model) = &self.known else { return true };
        let is_described = self.provider.capabilities().describes_models
            || catalogue::find_for(&model.provider, &model.id).is_some();
        !is_described || model.can(capability)
    }

    /// The price in USD of a call, where known.
    pub fn cost_usd(&self, usage: &Usage) -> Option<f64> {
        match &self.known {
            Some(model) => catalogue::cost(model, usage),
            None => usage.cost_usd,
        }
    }

    /// Asks the model; `request.model` is filled in.
    pub fn stream(
        &self,
        request: Request,
    ) -> BoxFuture<'static, Result<EventStream, ProviderError>> {
        let provider = self.provider.clone();
        let request = Request { model: self.own_id.clone(), ..request };
        Box::pin(async move { provider.stream(request).await })
    }
}
