//! The list of providers, those that are configured, and the models they offer.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use clock::Clock;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::catalogue::{self, Model, PriceSource, Prices, Pricing};
use crate::fallback::Candidates;
use crate::registration::{ProviderStatus, Registration};
use crate::settings::{Settings, SettingsError};
use crate::{ProviderError, ProviderName};
pub use error::ChooseError;
pub use model::{ChosenModel, ListedModel};

mod choose;
mod error;
mod model;

#[cfg(test)]
mod tests;

type Register = fn(&Settings, &Clock) -> Result<Vec<Registration>, SettingsError>;

/// All providers, in order of precedence. Servers with names chosen by the operator come last, so that
/// they cannot take the name of another.
const PROVIDERS: &[Register] = &[
    crate::openai::register,
    crate::anthropic::register,
    crate::gemini::register,
    crate::scripted::register,
    crate::compatible::register,
];

/// All providers. Clones share them.
#[derive(Clone)]
pub struct Providers {
    inner: Arc<Inner>,
}

struct Inner {
    registrations: Vec<Registration>,
    default_model: String,
    fallback_models: Vec<String>,
    title_model: Option<String>,
    /// The operator's prices, by the models' ids.
    prices: RwLock<HashMap<String, Pricing>>,
    clock: Clock,
}

impl Providers {
    /// Creates the providers that the settings configure.
    pub fn new(settings: &Settings, clock: Clock) -> Result<Self, SettingsError> {
        let mut registrations: Vec<Registration> = Vec::new();
        for register in PROVIDERS {
            for registration in register(settings, &clock)? {
                if registrations.iter().any(|other| other.name == registration.name) {
                    return Err(name_is_taken(&registration));
                }
                registrations.push(registration);
            }
        }
        let default = registrations.iter().find_map(Registration::default_model);
        let default_model = settings.default_model.as_deref().or(default).unwrap_or_default();
        let providers = Self {
            inner: Arc::new(Inner {
                default_model: default_model.to_owned(),
                fallback_models: settings.fallback_models.clone(),
                title_model: settings.title_model.clone(),
                prices: RwLock::default(),
                registrations,
                clock,
            }),
        };
        providers.check_models(settings)?;
        Ok(providers)
    }

    /// Refuses settings that name a model which can never be used.
    fn check_models(&self, settings: &Settings) -> Result<(), SettingsError> {
        let named =
            [("default_model", &settings.default_model), ("title_model", &settings.title_model)];
        let named = named.into_iter().filter_map(|(setting, id)| Some((setting, id.as_ref()?)));
        let fallbacks = settings.fallback_models.iter().map(|id| ("fallback_models", id));
        for (setting, id) in named.chain(fallbacks) {
            self.choose(Some(id)).map_err(|error| unknown_model(setting, &error))?;
        }
        Ok(())
    }

    /// Every provider, configured or not, in the order of preference.
    pub fn statuses(&self) -> impl Iterator<Item = ProviderStatus> {
        self.inner.registrations.iter().map(Registration::status)
    }

    /// The model with this id, and those that are asked where it cannot answer: these, or those of the
    /// settings.
    pub fn candidates(
        &self,
        id: Option<&str>,
        fallbacks: Option<&[String]>,
    ) -> Result<Candidates, ChooseError> {
        let first = self.choose(id)?;
        let fallbacks = fallbacks.unwrap_or(&self.inner.fallback_models).iter();
        let fallbacks = fallbacks.filter_map(|id| self.choose(Some(id)).ok());
        let others = fallbacks.filter(|model| model.id != first.id).collect();
        Ok(Candidates::new(first, others))
    }

    /// Sets the operator's prices, by the models' ids with or without the name of the provider. They take
    /// the place of the catalogue's for what is chosen from now on.
    pub fn set_prices(&self, prices: HashMap<String, Pricing>) {
        *self.inner.prices.write().unwrap_or_else(PoisonError::into_inner) = prices;
    }

    fn operators_prices<const N: usize>(&self, ids: [&str; N]) -> Option<Prices> {
        let prices = self.inner.prices.read().unwrap_or_else(PoisonError::into_inner);
        let standard = ids.iter().find_map(|id| prices.get(*id).copied())?;
        Some(Prices { source: PriceSource::Operator, standard, long_context: None })
    }

    /// The model that generates titles, if one is set.
    pub fn title_model(&self) -> Option<ChosenModel> {
        self.inner.title_model.as_deref().and_then(|id| self.choose(Some(id)).ok())
    }

    /// The model that is used when a request names none.
    pub fn default_model(&self) -> &str {
        &self.inner.default_model
    }

    /// Asks a provider for its models; `None` if it is not configured. Such a call is free.
    pub async fn list_models(
        &self,
        name: &ProviderName,
    ) -> Option<Result<Vec<Model>, ProviderError>> {
        let configured = self.registration(name)?.configured.as_ref()?;
        Some(configured.provider.list_models().await)
    }

    /// All known models that are not retired: those of the catalogue, then others that the providers
    /// list.
    pub fn list(&self) -> Vec<ListedModel> {
        let today = self.today();
        let mut listed: Vec<_> =
            catalogue::current(today).map(|model| self.listed(model.clone())).collect();
        for configured in self.inner.registrations.iter().filter_map(|r| r.configured.as_ref()) {
            let others = configured.models.all().into_iter().filter(|model| {
                catalogue::find_for(&model.provider, &model.id).is_none() && !model.is_gone(today)
            });
            listed.extend(others.map(|model| self.listed(model)));
        }
        listed
    }

    fn listed(&self, known: Arc<Model>) -> ListedModel {
        let registration = self.registration(&known.provider);
        let configured = registration.and_then(|registration| registration.configured.as_ref());
        let model = configured.and_then(|it| it.models.find(&known.id)).unwrap_or(known);
        let id = registration.map_or_else(|| model.qualified_id(), |r| r.public_id(&model.id));
        let model = match self.operators_prices([&model.qualified_id(), &id]) {
            Some(prices) => Arc::new(Model { pricing: Some(prices.standard), ..(*model).clone() }),
            None => model,
        };
        let is_available = configured.is_some_and(|configured| {
            configured.provider.capabilities().is_vendor
                || !configured.models.lacks(&model.id)
                || self.is_named_by_settings(&model.id)
                || self.is_named_by_settings(&id)
        });
        ListedModel { id, is_available, model }
    }

    /// How many requests to each configured provider were repeats of failed ones.
    pub fn retries(&self) -> Vec<(ProviderName, u64)> {
        let configured = self.inner.registrations.iter().filter_map(|r| r.configured.as_ref());
        let providers = configured.map(|configured| &configured.provider);
        providers.map(|provider| (provider.name().clone(), provider.retries())).collect()
    }

    /// Asks the providers for their models.
    pub async fn refresh_models(&self) {
        for configured in self.inner.registrations.iter().filter_map(|r| r.configured.as_ref()) {
            configured.models.refresh(configured.provider.as_ref()).await;
        }
    }

    fn registration(&self, name: &ProviderName) -> Option<&Registration> {
        self.inner.registrations.iter().find(|registration| registration.name == *name)
    }

    fn is_named_by_settings(&self, id: &str) -> bool {
        let inner = &self.inner;
        id == inner.default_model
            || inner.title_model.as_deref() == Some(id)
            || inner.fallback_models.iter().any(|fallback| fallback == id)
    }

    fn today(&self) -> jiff::civil::Date {
        let now: Timestamp = self.inner.clock.now();
        now.to_zoned(TimeZone::UTC).date()
    }
}

fn name_is_taken(registration: &Registration) -> SettingsError {
    let problem =
        format!("another provider is called `{}`; choose another name", registration.name);
    SettingsError { setting: format!("{}_base_url", registration.settings), problem }
}

fn unknown_model(setting: &str, error: &ChooseError) -> SettingsError {
    let problem = match &error {
        ChooseError::Unknown { similar, .. } if !similar.is_empty() => {
            format!("{error}; did you mean {}?", similar.join(" or "))
        }
        _ => error.to_string(),
    };
    SettingsError { setting: setting.to_owned(), problem }
}
