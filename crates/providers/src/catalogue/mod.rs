//! The known models: capabilities, prices and shutdown dates. The data is in `models.json`, whose
//! notes name its sources and dates.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use jiff::civil::Date;
use serde::Deserialize;

pub use model::{Capability, Endpoint, Model, ThinkingMode};
pub use pricing::{LongContextPricing, Price, PriceSource, Prices, Pricing};
pub use usd::Usd;

use super::ProviderName;

mod cost;
mod model;
mod pricing;
mod suggest;
mod usd;

/// The models that are not retired on this day; the built-in one comes last.
pub fn current(today: Date) -> impl Iterator<Item = &'static Arc<Model>> {
    CATALOGUE.models.iter().filter(move |model| !model.is_gone(today))
}

/// The model with this id, with or without its provider's name as a prefix.
pub fn find(id: &str) -> Option<&'static Arc<Model>> {
    let qualified = id.split_once('/').and_then(|(provider, id)| {
        let provider = CATALOGUE.models.iter().find(|model| model.provider.as_str() == provider)?;
        find_arc(&provider.provider, id)
    });
    qualified.or_else(|| CATALOGUE.models.iter().find(|model| model.id == id))
}

/// The model of a provider with this id.
pub fn find_for(provider: &ProviderName, id: &str) -> Option<&'static Model> {
    find_arc(provider, id).map(Arc::as_ref)
}

fn find_arc(provider: &ProviderName, id: &str) -> Option<&'static Arc<Model>> {
    CATALOGUE.models.iter().find(|model| model.provider == *provider && model.id == id)
}

/// Whether the catalogue describes models of this provider.
pub(crate) fn has_models_for(provider: &ProviderName) -> bool {
    CATALOGUE.models.iter().any(|model| model.provider == *provider)
}

/// The day on which a model was or will be shut down, including models that are otherwise no longer
/// known.
pub fn shutdown(id: &str) -> Option<Date> {
    let id = id.rsplit('/').next().unwrap_or(id);
    CATALOGUE.shutdowns.get(id).copied()
}

/// Up to three of the `offered` ids that are similar to an unknown one, most similar first.
pub fn close_matches(id: &str, offered: impl Iterator<Item = String>) -> Vec<String> {
    suggest::closest(id, offered)
}

#[derive(Default, Deserialize)]
struct File {
    models: Vec<Model>,
    shutdowns: HashMap<String, Date>,
}

struct Catalogue {
    models: Vec<Arc<Model>>,
    shutdowns: HashMap<String, Date>,
}

/// A test parses the file, so that this can fail only there.
static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| {
    let file = serde_json::from_str(include_str!("models.json"));
    let file: File = file.unwrap_or_default();
    let models = file.models.into_iter().map(Arc::new);
    Catalogue { models: models.collect(), shutdowns: file.shutdowns }
});

#[cfg(test)]
mod tests;
