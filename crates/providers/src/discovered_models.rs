//! The models that a provider lists.

use std::sync::{Arc, PoisonError, RwLock};

use tracing::debug;

use super::Provider;
use super::catalogue::Model;

/// The models of one provider. Clones share them.
#[derive(Clone, Default)]
pub(crate) struct DiscoveredModels {
    /// `None` until the provider has been asked successfully.
    models: Arc<RwLock<Option<Vec<Arc<Model>>>>>,
    is_fixed: bool,
}

impl DiscoveredModels {
    /// A fixed list, whatever the provider lists.
    pub fn fixed(models: Vec<Model>) -> Self {
        let models = models.into_iter().map(Arc::new).collect();
        Self { models: Arc::new(RwLock::new(Some(models))), is_fixed: true }
    }

    /// Asks the provider. If it does not answer, the previous list remains valid.
    pub async fn refresh(&self, provider: &dyn Provider) {
        if self.is_fixed {
            return;
        }
        match provider.list_models().await {
            Ok(models) => {
                let models = models.into_iter().map(Arc::new).collect();
                *self.models.write().unwrap_or_else(PoisonError::into_inner) = Some(models);
            }
            Err(error) => debug!("no list of models: {error}"),
        }
    }

    pub fn all(&self) -> Vec<Arc<Model>> {
        let models = self.models.read().unwrap_or_else(PoisonError::into_inner);
        models.clone().unwrap_or_default()
    }

    pub fn find(&self, id: &str) -> Option<Arc<Model>> {
        let models = self.models.read().unwrap_or_else(PoisonError::into_inner);
        models.as_ref()?.iter().find(|model| model.id == id).cloned()
    }

    /// Whether the provider's list is known and does not contain this model.
    pub fn lacks(&self, id: &str) -> bool {
        let models = self.models.read().unwrap_or_else(PoisonError::into_inner);
        models.as_ref().is_some_and(|models| models.iter().all(|model| model.id != id))
    }
}
