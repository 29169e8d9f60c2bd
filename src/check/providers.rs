//! Whether the providers take their keys. Listing models costs nothing.

use std::time::Duration;

use futures_util::future::join;
use tokio::time::timeout;

use super::Report;
use crate::app::App;
use crate::providers::{ProviderName, Providers};

/// The longest that a provider's list may take, repeats included.
const PATIENCE: Duration = Duration::from_secs(15);

pub(super) async fn check(app: &App, report: &mut Report) {
    report.about("Models");
    let providers = app.state.ai.providers();
    let (openai, anthropic) =
        join(models(providers, ProviderName::OpenAi), models(providers, ProviderName::Anthropic))
            .await;
    answered(ProviderName::OpenAi, openai, report);
    answered(ProviderName::Anthropic, anthropic, report);
    match providers.choose(None) {
        Ok(model) => report.good(format!("the default model is {}", model.id)),
        Err(error) => report.problem(
            format!("the default model cannot be asked: {error}"),
            "set DEFAULT_MODEL to a model of a provider that is set up",
        ),
    }
}

/// How many models a provider lists; `None` where it is not set up.
async fn models(providers: &Providers, name: ProviderName) -> Option<Result<usize, String>> {
    match timeout(PATIENCE, providers.models(name)).await {
        Ok(listed) => Some(listed?.map(|models| models.len()).map_err(|error| error.to_string())),
        Err(_) => Some(Err("no answer in time".to_owned())),
    }
}

fn answered(name: ProviderName, models: Option<Result<usize, String>>, report: &mut Report) {
    let variables = match name {
        ProviderName::OpenAi => "OPENAI_API_KEY and OPENAI_BASE_URL",
        _ => "ANTHROPIC_API_KEY and ANTHROPIC_BASE_URL",
    };
    match models {
        None => report.note(format!("{name} is not set up")),
        Some(Ok(count)) => report.good(format!("{name} takes the key and lists {count} models")),
        Some(Err(error)) => {
            report.problem(
                format!("{name} does not list its models: {error}"),
                format!("check {variables}"),
            );
        }
    }
}
