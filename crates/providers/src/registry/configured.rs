//! Providers as the settings want them.

use std::sync::Arc;

use super::ProvidersError;
use crate::discovered_models::Offer;
use crate::settings::Settings;
use crate::{Anthropic, ApiKey, Connection, OpenAi, Provider};
use clock::Clock;

const OPENAI: &str = "https://api.openai.com/v1";
const ANTHROPIC: &str = "https://api.anthropic.com";

/// A provider that is set up.
#[derive(Clone)]
pub(super) struct SetUp {
    pub(super) provider: Arc<Provider>,
    /// The vendor itself, whose models are known; not a server that imitates it.
    pub(super) is_official: bool,
    /// What it says it has.
    pub(super) offer: Offer,
}

impl SetUp {
    pub(super) fn new(provider: Provider, is_official: bool) -> Self {
        Self { provider: Arc::new(provider), is_official, offer: Offer::default() }
    }
}

pub(super) fn openai(settings: &Settings, clock: &Clock) -> Result<Option<SetUp>, ProvidersError> {
    let is_official = settings.openai.base_url == OPENAI;
    if is_official && settings.openai.api_key.is_empty() {
        return Ok(None);
    }
    let key = settings.openai.api_key.clone();
    let connection = connection(key, &settings.openai.base_url, is_official, clock);
    let openai = OpenAi::new(connection)
        .map_err(|error| ProvidersError::new("OPENAI_API_KEY, OPENAI_BASE_URL", &error))?;
    Ok(Some(SetUp::new(Provider::OpenAi(openai), is_official)))
}

pub(super) fn anthropic(
    settings: &Settings,
    clock: &Clock,
) -> Result<Option<SetUp>, ProvidersError> {
    let is_official = settings.anthropic.base_url == ANTHROPIC;
    if is_official && settings.anthropic.api_key.is_empty() {
        return Ok(None);
    }
    let key = settings.anthropic.api_key.clone();
    let connection = connection(key, &settings.anthropic.base_url, is_official, clock);
    let anthropic =
        Anthropic::new(connection, &settings.anthropic.version, settings.anthropic.auth_header);
    let anthropic = anthropic.map_err(|error| {
        ProvidersError::new("ANTHROPIC_API_KEY, ANTHROPIC_BASE_URL, ANTHROPIC_VERSION", &error)
    })?;
    Ok(Some(SetUp::new(Provider::Anthropic(anthropic), is_official)))
}

fn connection(key: ApiKey, base_url: &str, is_official: bool, clock: &Clock) -> Connection {
    let connection = Connection::compatible(key.clone(), base_url);
    let patience =
        if is_official { Connection::openai(key).idle_timeout } else { connection.idle_timeout };
    Connection { idle_timeout: patience, clock: clock.clone(), ..connection }
}
