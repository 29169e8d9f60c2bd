//! The providers that are set up here, and which of them a model's id means.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use thiserror::Error;

use super::catalogue::{self, Capability, Model};
use super::fallback::Candidates;
use super::{EventStream, Provider, ProviderError, ProviderName, Request, Scripted, Usage};
use crate::settings::Settings;
use clock::Clock;
use configured::SetUp;

mod configured;

/// The models asked when neither a request nor DEFAULT_MODEL names one.
const OPENAI_DEFAULT: &str = "gpt-6.1-terra";
const ANTHROPIC_DEFAULT: &str = "claude-sonnet-5-5";

/// The longest id of a model, in characters.
const LONGEST_ID: usize = 200;

/// All providers. Clones share them.
#[derive(Clone)]
pub struct Providers {
    inner: Arc<Inner>,
}

struct Inner {
    openai: Option<SetUp>,
    anthropic: Option<SetUp>,
    scripted: SetUp,
    default_model: String,
    /// FALLBACK_MODELS.
    fallbacks: Vec<String>,
    title_model: Option<String>,
    clock: Clock,
}

/// A model that can be asked.
#[derive(Clone)]
pub struct ChosenModel {
    /// The id as the API lists it.
    pub id: String,
    provider: Arc<Provider>,
    request_id: String,
    known: Option<Arc<Model>>,
}

/// A model, and whether it can be asked here.
pub struct Listed {
    /// The id as the API lists it.
    pub id: String,
    /// What is known about it.
    pub model: Arc<Model>,
    /// Its provider is set up.
    pub is_available: bool,
}

/// Why a model cannot be asked.
#[derive(Clone, Debug, Error)]
pub enum ChooseError {
    /// Nobody offers it.
    #[error("no provider offers {model}")]
    Unknown {
        /// What was asked for.
        model: String,
        /// Models with a name like it.
        similar: Vec<String>,
    },
    /// Its provider is not set up.
    #[error("the provider of {model} is not set up")]
    NotConfigured {
        /// What was asked for.
        model: String,
    },
}

/// A setting of a provider that cannot be used.
#[derive(Debug, Error)]
#[error("{variables}: {problem}")]
pub struct ProvidersError {
    variables: &'static str,
    problem: String,
}

impl ProvidersError {
    fn new(variables: &'static str, error: &ProviderError) -> Self {
        Self { variables, problem: error.to_string() }
    }

    fn model(variables: &'static str, error: &ChooseError) -> Self {
        let problem = match &error {
            ChooseError::Unknown { similar, .. } if !similar.is_empty() => {
                format!("{error}; did you mean {}?", similar.join(" or "))
            }
            _ => error.to_string(),
        };
        Self { variables, problem }
    }
}

impl Providers {
    /// The providers that `settings` set up. One is set up when it has a key or an address of its
    /// own (local servers want no key).
    pub fn new(settings: &Settings, clock: Clock) -> Result<Self, ProvidersError> {
        let openai = configured::openai(settings, &clock)?;
        let anthropic = configured::anthropic(settings, &clock)?;
        let default_model = settings.default_model.clone().unwrap_or_else(|| {
            let official = |set_up: &Option<SetUp>| set_up.as_ref().is_some_and(|s| s.is_official);
            let default = match (official(&openai), official(&anthropic)) {
                (true, _) => OPENAI_DEFAULT,
                (false, true) => ANTHROPIC_DEFAULT,
                (false, false) => catalogue::DEMO,
            };
            default.to_owned()
        });
        let scripted = SetUp::new(Provider::Scripted(Scripted::new(settings.scripted_pace)), true);
        let fallbacks = settings.fallback_models.clone();
        let title_model = settings.title_model.clone();
        let inner =
            Inner { openai, anthropic, scripted, default_model, fallbacks, title_model, clock };
        let providers = Self { inner: Arc::new(inner) };
        providers.check_settings(settings)?;
        Ok(providers)
    }

    /// Refuses settings that name a model which can never be asked.
    fn check_settings(&self, settings: &Settings) -> Result<(), ProvidersError> {
        let named =
            [("DEFAULT_MODEL", &settings.default_model), ("TITLE_MODEL", &settings.title_model)];
        let named = named.into_iter().filter_map(|(variable, id)| Some((variable, id.as_ref()?)));
        let fallbacks = settings.fallback_models.iter().map(|id| ("FALLBACK_MODELS", id));
        for (variable, id) in named.chain(fallbacks) {
            self.choose(Some(id)).map_err(|error| ProvidersError::model(variable, &error))?;
        }
        Ok(())
    }

    /// The model with this id, and those that stand by should its provider be overloaded or down.
    pub fn candidates(&self, id: Option<&str>) -> Result<Candidates, ChooseError> {
        let first = self.choose(id)?;
        let fallbacks = self.inner.fallbacks.iter().filter_map(|id| self.choose(Some(id)).ok());
        let others = fallbacks.filter(|model| model.id != first.id);
        Ok(Candidates::new(first.clone(), others.collect()))
    }

    /// The model that finds titles, where one is set.
    pub fn title_model(&self) -> Option<ChosenModel> {
        self.inner.title_model.as_deref().and_then(|id| self.choose(Some(id)).ok())
    }

    /// The model that is asked when nobody names one.
    pub fn default_model(&self) -> &str {
        &self.inner.default_model
    }

    /// Whether this provider is set up.
    pub fn is_configured(&self, provider: ProviderName) -> bool {
        self.set_up(provider).is_some()
    }

    /// The model with this id, with or without its provider's name before it; the default without.
    pub fn choose(&self, id: Option<&str>) -> Result<ChosenModel, ChooseError> {
        let id = id.unwrap_or(&self.inner.default_model);
        let known = self.find(id);
        if let Some(model) = known.as_ref().filter(|model| self.may_ask(model)) {
            return self.choose_known(model);
        }
        let (provider, bare) = self.provider_of(id);
        match provider.map(|provider| (provider, self.set_up(provider))) {
            Some((_, Some(set_up))) => Ok(ChosenModel {
                id: bare.to_owned(),
                provider: set_up.provider.clone(),
                request_id: bare.to_owned(),
                known,
            }),
            Some((_, None)) => Err(ChooseError::NotConfigured { model: id.to_owned() }),
            None if known.as_ref().is_some_and(|model| !model.is_gone(self.today())) => {
                Err(ChooseError::NotConfigured { model: id.to_owned() })
            }
            None => {
                let offered = self.list().into_iter().map(|listed| listed.model.qualified_id());
                let similar = catalogue::close_matches(id, offered);
                Err(ChooseError::Unknown { model: id.to_owned(), similar })
            }
        }
    }

    /// The models that a provider itself lists; `None` where it is not set up. Costs nothing.
    pub async fn models(&self, name: ProviderName) -> Option<Result<Vec<Model>, ProviderError>> {
        Some(self.set_up(name)?.provider.models().await)
    }

    /// Every model that is known and not retired: those of the catalogue, then what else the
    /// providers say they have.
    pub fn list(&self) -> Vec<Listed> {
        let today = self.today();
        let mut listed: Vec<_> =
            catalogue::offered(today).map(|model| self.listed(model.clone())).collect();
        for set_up in self.all_set_up() {
            let others = set_up.offer.models().into_iter().filter(|model| {
                catalogue::find_of(model.provider, &model.id).is_none() && !model.is_gone(today)
            });
            listed.extend(others.map(|model| self.listed(model)));
        }
        listed
    }

    fn listed(&self, known: Arc<Model>) -> Listed {
        let set_up = self.set_up(known.provider);
        let model = set_up.and_then(|set_up| set_up.offer.find(&known.id)).unwrap_or(known);
        let is_available = set_up.is_some_and(|set_up| {
            set_up.is_official || !set_up.offer.lacks(&model.id) || self.is_named(&model.id)
        });
        Listed { id: public_id(&model), is_available, model }
    }

    /// Asks the providers which models they have.
    pub async fn refresh(&self) {
        for set_up in self.all_set_up() {
            set_up.offer.refresh(&set_up.provider).await;
        }
    }

    fn all_set_up(&self) -> impl Iterator<Item = &SetUp> {
        [self.inner.openai.as_ref(), self.inner.anthropic.as_ref()].into_iter().flatten()
    }

    /// What is known of a model: what its provider says of it, else the catalogue.
    fn find(&self, id: &str) -> Option<Arc<Model>> {
        let known = catalogue::find(id);
        let offered = self.all_set_up().find_map(|set_up| {
            let prefix = format!("{}/", set_up.provider.name());
            let bare = id.strip_prefix(&prefix).unwrap_or(id);
            let is_its_own = known.is_none_or(|known| known.provider == set_up.provider.name());
            set_up.offer.find(bare).filter(|_| is_its_own)
        });
        offered.or_else(|| known.cloned())
    }

    fn may_ask(&self, model: &Model) -> bool {
        let is_official = self.set_up(model.provider).is_some_and(|set_up| set_up.is_official);
        self.is_configured(model.provider) && !(is_official && model.is_gone(self.today()))
    }

    fn choose_known(&self, model: &Arc<Model>) -> Result<ChosenModel, ChooseError> {
        let id = public_id(model);
        match self.set_up(model.provider) {
            Some(set_up) => Ok(ChosenModel {
                id,
                provider: set_up.provider.clone(),
                request_id: model.id.clone(),
                known: Some(model.clone()),
            }),
            None => Err(ChooseError::NotConfigured { model: id }),
        }
    }

    /// Who is meant by an id that the catalogue does not place: the provider named before it, or a
    /// server of the operator's own, which may offer anything.
    fn provider_of<'a>(&self, id: &'a str) -> (Option<ProviderName>, &'a str) {
        let (provider, bare) = self.named_provider_of(id);
        (provider.filter(|_| is_id(bare)), bare)
    }

    fn named_provider_of<'a>(&self, id: &'a str) -> (Option<ProviderName>, &'a str) {
        if let Some(bare) = id.strip_prefix("openai/") {
            return (Some(ProviderName::OpenAi), bare);
        }
        if let Some(bare) = id.strip_prefix("anthropic/") {
            return (Some(ProviderName::Anthropic), bare);
        }
        let is_custom = |set_up: &Option<SetUp>| set_up.as_ref().is_some_and(|s| !s.is_official);
        let is_claude = id.starts_with("claude");
        let is_default = self.is_named(id);
        let anthropic = self.inner.anthropic.is_some()
            && is_claude
            && (is_default || is_custom(&self.inner.anthropic));
        let openai = is_custom(&self.inner.openai) || (is_default && !is_claude);
        let provider = match (anthropic, openai) {
            (true, _) => Some(ProviderName::Anthropic),
            (false, true) => Some(ProviderName::OpenAi),
            (false, false) => is_custom(&self.inner.anthropic).then_some(ProviderName::Anthropic),
        };
        (provider, id)
    }

    /// Whether the settings name it.
    fn is_named(&self, id: &str) -> bool {
        let inner = &self.inner;
        id == inner.default_model
            || inner.title_model.as_deref() == Some(id)
            || inner.fallbacks.iter().any(|fallback| fallback == id)
    }

    fn set_up(&self, provider: ProviderName) -> Option<&SetUp> {
        match provider {
            ProviderName::OpenAi => self.inner.openai.as_ref(),
            ProviderName::Anthropic => self.inner.anthropic.as_ref(),
            ProviderName::Scripted => Some(&self.inner.scripted),
        }
    }

    fn today(&self) -> jiff::civil::Date {
        let now: Timestamp = self.inner.clock.now();
        now.to_zoned(TimeZone::UTC).date()
    }
}

impl ChosenModel {
    /// Who runs it.
    pub fn provider(&self) -> ProviderName {
        self.provider.name()
    }

    /// The most tokens it can take in, where known.
    pub fn context_window(&self) -> Option<u64> {
        self.known.as_ref()?.context_window.map(u64::from)
    }

    /// The most tokens it can write, where known.
    pub fn max_output_tokens(&self) -> Option<u32> {
        self.known.as_ref()?.max_output_tokens
    }

    /// Whether it is known to have this capability. Of models of other makers that speak OpenAI's
    /// protocol nothing is known, so they may have any.
    pub fn can(&self, capability: Capability) -> bool {
        let Some(model) = &self.known else { return true };
        let is_foreign =
            model.provider == ProviderName::OpenAi && catalogue::find(&model.id).is_none();
        is_foreign || model.can(capability)
    }

    /// The price in USD of a call, where known.
    pub fn cost_usd(&self, usage: &Usage) -> Option<f64> {
        match &self.known {
            Some(model) => catalogue::cost(model, usage),
            None => usage.cost_usd,
        }
    }

    /// Asks it; `request.model` is filled in.
    pub fn stream(
        &self,
        request: Request,
    ) -> BoxFuture<'static, Result<EventStream, ProviderError>> {
        let provider = self.provider.clone();
        let request = Request { model: self.request_id.clone(), ..request };
        Box::pin(async move { provider.stream(request).await })
    }
}

/// Whether a provider could have a model with this id, and the database take it.
fn is_id(id: &str) -> bool {
    !id.trim().is_empty() && id.chars().count() <= LONGEST_ID && !id.contains(char::is_control)
}

/// A provider's own id; the built-in model keeps its prefix.
fn public_id(model: &Model) -> String {
    match model.provider {
        ProviderName::Scripted => model.qualified_id(),
        _ => model.id.clone(),
    }
}
