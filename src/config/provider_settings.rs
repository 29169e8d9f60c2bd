//! The settings of the model providers.

use std::time::Duration;

use providers::{AnthropicSettings, ApiKey, AuthHeader, OpenAiSettings, Settings};

use super::ConfigError;
use super::env::Env;

pub(super) fn read(env: &Env<'_>) -> Result<Settings, ConfigError> {
    Ok(Settings {
        openai: OpenAiSettings {
            api_key: api_key(env, "OPENAI_API_KEY"),
            base_url: env.url("OPENAI_BASE_URL", "https://api.openai.com/v1")?,
        },
        anthropic: AnthropicSettings {
            api_key: api_key(env, "ANTHROPIC_API_KEY"),
            base_url: env.url("ANTHROPIC_BASE_URL", "https://api.anthropic.com")?,
            version: env.text("ANTHROPIC_VERSION", "2026-10-21"),
            auth_header: auth_header(env)?,
        },
        scripted_pace: Duration::from_millis(40),
        default_model: env.get("DEFAULT_MODEL"),
        fallback_models: env.list("FALLBACK_MODELS", ""),
        title_model: env.get("TITLE_MODEL"),
    })
}

fn api_key(env: &Env<'_>, variable: &'static str) -> ApiKey {
    ApiKey::new(env.get(variable).unwrap_or_default())
}

fn auth_header(env: &Env<'_>) -> Result<AuthHeader, ConfigError> {
    env.choice(
        "ANTHROPIC_AUTH_HEADER",
        &[("authorization", AuthHeader::Authorization), ("x-api-key", AuthHeader::XApiKey)],
    )
}
