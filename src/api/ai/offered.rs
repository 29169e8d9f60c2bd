//! Whether what the configuration file offers exists.

use crate::config::{ConfigError, FileConfig};
use crate::providers::Providers;

/// Refuses a file that names models which can never be used, or assistants that are not in it.
pub fn check(file: &FileConfig, providers: &Providers) -> Result<(), ConfigError> {
    let check_model = |place: &str, model: &str| match providers.choose(Some(model)) {
        Ok(_) => Ok(()),
        Err(error) => Err(file.error(&format!("{place}: {error}"))),
    };
    for assistant in &file.assistants {
        let place = format!("assistants.{}", assistant.id);
        if let Some(model) = &assistant.model {
            check_model(&format!("{place}.model"), model)?;
        }
        for model in assistant.fallbacks.iter().flatten() {
            check_model(&format!("{place}.fallbacks"), model)?;
        }
    }
    for plan in file.plans.values() {
        let named = plan.assistants.iter().flatten();
        if let Some(unknown) = named.into_iter().find(|id| file.assistant(id).is_none()) {
            let place = format!("plans.{}.assistants", plan.name);
            return Err(file.error(&format!("{place}: there is no assistant {unknown}")));
        }
    }
    Ok(())
}
