//! The metrics as they are registered.

use prometheus_client::registry::{Metric, Registry, Unit};

const PREFIX: &str = "chat_backend";

/// The metrics and their names.
pub(super) struct Catalogue {
    pub(super) registry: Registry,
    pub(super) names: Vec<String>,
}

impl Default for Catalogue {
    fn default() -> Self {
        Self { registry: Registry::with_prefix(PREFIX), names: Vec::new() }
    }
}

impl Catalogue {
    pub(super) fn add<M: Metric + Clone>(&mut self, name: &str, help: &str, metric: M) -> M {
        self.names.push(format!("{PREFIX}_{name}"));
        self.registry.register(name, help, metric.clone());
        metric
    }

    pub(super) fn add_seconds<M: Metric + Clone>(
        &mut self,
        name: &str,
        help: &str,
        metric: M,
    ) -> M {
        self.names.push(format!("{PREFIX}_{name}_seconds"));
        self.registry.register_with_unit(name, help, Unit::Seconds, metric.clone());
        metric
    }
}
