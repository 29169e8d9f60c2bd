//! Whether the providers accept their keys. Listing models is free.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::timeout;

use super::Report;
use crate::app::App;
use crate::providers::{ProviderStatus, Providers};

/// The timeout for a provider's list, including retries.
const TIMEOUT: Duration = Duration::from_secs(15);

pub(super) async fn check(app: &App, report: &mut Report) {
    report.section("Models");
    let providers = app.state.ai.providers();
    let statuses: Vec<_> = providers.statuses().filter(|provider| !provider.is_simulated).collect();
    let listings = join_all(statuses.iter().map(|provider| list(providers, provider))).await;
    for (provider, listing) in statuses.iter().zip(&listings) {
        listed(provider, listing, report);
    }
    let of_default = providers.choose(None).ok();
    let listing = of_default.as_ref().and_then(|model| {
        let mut all = statuses.iter().zip(&listings);
        all.find(|(provider, _)| provider.name == *model.provider()).map(|(_, listing)| listing)
    });
    default_model(providers.default_model(), listing, report);
    prices(app, report);
}

/// Providers take more names than they list, so one that is not listed is no problem yet.
fn default_model(id: &str, listing: Option<&Listing>, report: &mut Report) {
    let own_id = id.split_once('/').map_or(id, |(_, own_id)| own_id);
    match listing {
        Some(Listing::Models(ids)) if !ids.iter().any(|it| it.starts_with(own_id)) => {
            report.note(format!(
                "the default model is {id}, which its provider does not list: is DEFAULT_MODEL written so?"
            ));
        }
        _ => report.pass(format!("the default model is {id}")),
    }
}

/// How many models without a price are named.
const MAX_NAMED: usize = 20;

/// Names the models that can be used and have no price.
fn prices(app: &App, report: &mut Report) {
    let providers = app.state.ai.providers();
    let file = app.state.file.current();
    let of_file = file
        .assistants
        .iter()
        .flat_map(|own| own.model.iter().chain(own.fallbacks.iter().flatten()).map(String::as_str));
    let listed = providers.list().into_iter().filter(|model| model.is_available);
    let listed: Vec<_> = listed.map(|model| model.id).collect();
    let ids = listed.iter().map(String::as_str).chain(of_file).chain([providers.default_model()]);
    let models = ids.filter_map(|id| providers.choose(Some(id)).ok());
    let unpriced = models.filter(|model| model.prices().is_none()).map(|model| model.id);
    let unpriced: BTreeSet<_> = unpriced.collect();
    if unpriced.is_empty() {
        return report.pass("every model has a price");
    }
    let named: Vec<_> = unpriced.iter().take(MAX_NAMED).map(String::as_str).collect();
    let more = if unpriced.len() > MAX_NAMED { ", …" } else { "" };
    let what = format!("models without a price: {}{more}", named.join(", "));
    if file.plans.values().any(|plan| plan.limits_money()) && file.unpriced.is_none() {
        let remedy = "add [prices] or unpriced_usd_per_million_tokens to CONFIG_FILE; until then plans that \
                      limit money refuse them";
        return report.problem(what, remedy);
    }
    report.note(what);
}

/// The result of asking a provider for its models.
enum Listing {
    NotSetUp,
    /// Some compatible servers do not list models.
    NoList,
    Models(Vec<String>),
    Failed(String),
}

async fn list(providers: &Providers, provider: &ProviderStatus) -> Listing {
    match timeout(TIMEOUT, providers.list_models(&provider.name)).await {
        Ok(None) => Listing::NotSetUp,
        Ok(Some(Ok(models))) => Listing::Models(models.into_iter().map(|model| model.id).collect()),
        Ok(Some(Err(error))) if error.status == Some(404) => Listing::NoList,
        Ok(Some(Err(error))) => Listing::Failed(error.to_string()),
        Err(_) => Listing::Failed("no answer in time".to_owned()),
    }
}

fn listed(provider: &ProviderStatus, listing: &Listing, report: &mut Report) {
    let name = &provider.name;
    match listing {
        Listing::NotSetUp => report.note(format!("{name} is not set up")),
        Listing::NoList => report.note(format!("{name} answers, but lists no models")),
        Listing::Models(ids) => {
            report.pass(format!("{name} takes the key and lists its models ({})", ids.len()));
        }
        Listing::Failed(cause) => {
            let variable = provider.settings.to_uppercase();
            report.problem(
                format!("{name} does not list its models: {cause}"),
                format!("check {variable}_API_KEY and {variable}_BASE_URL"),
            );
        }
    }
}
