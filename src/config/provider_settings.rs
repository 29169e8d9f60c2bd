//! The settings of the model providers.

use providers::{
    Anthropic, AnthropicSettings, AuthHeader, CompatibleSettings, Endpoint, ProviderName, Settings,
};

use super::env::{Env, checked_url};
use super::error::ConfigError;

/// The prefix of the variables of a named OpenAI-compatible server.
const COMPATIBLE: &str = "OPENAI_COMPATIBLE_";
const BASE_URL: &str = "_BASE_URL";

pub(super) fn read(env: &Env<'_>) -> Result<Settings, ConfigError> {
    Ok(Settings {
        openai: endpoint(env, "OPENAI_API_KEY", "OPENAI_BASE_URL")?,
        anthropic: AnthropicSettings {
            endpoint: endpoint(env, "ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL")?,
            version: env.text("ANTHROPIC_VERSION", Anthropic::VERSION),
            auth_header: auth_header(env)?,
        },
        gemini: endpoint(env, "GEMINI_API_KEY", "GEMINI_BASE_URL")?,
        compatible: compatible(env)?,
        default_model: env.get("DEFAULT_MODEL"),
        fallback_models: env.list("FALLBACK_MODELS", ""),
        title_model: env.get("TITLE_MODEL"),
        ..Settings::default()
    })
}

fn endpoint(
    env: &Env<'_>,
    key: &'static str,
    base_url: &'static str,
) -> Result<Endpoint, ConfigError> {
    let base_url = env.get(base_url).map(|url| checked_url(base_url, &url)).transpose()?;
    Ok(Endpoint { api_key: env.secret(key), base_url })
}

fn auth_header(env: &Env<'_>) -> Result<AuthHeader, ConfigError> {
    env.choice(
        "ANTHROPIC_AUTH_HEADER",
        &[("authorization", AuthHeader::Authorization), ("x-api-key", AuthHeader::XApiKey)],
    )
}

/// A server for each `OPENAI_COMPATIBLE_<NAME>_BASE_URL`, in the order of the names.
fn compatible(env: &Env<'_>) -> Result<Vec<CompatibleSettings>, ConfigError> {
    let variables = env.names().filter(|variable| variable.starts_with(COMPATIBLE));
    let mut names: Vec<&str> = Vec::new();
    for variable in variables.filter(|variable| env.get(variable).is_some()) {
        let rest = &variable[COMPATIBLE.len()..];
        let name = [BASE_URL, "_API_KEY", "_MODELS"].iter().find_map(|end| rest.strip_suffix(end));
        match name.filter(|name| !name.is_empty()) {
            Some(name) => names.push(name),
            None => {
                let problem = "is not the name of a setting; there are \
                               OPENAI_COMPATIBLE_<NAME>_BASE_URL, _API_KEY and _MODELS";
                return Err(ConfigError::new(variable, problem));
            }
        }
    }
    names.sort_unstable();
    names.dedup();
    names.into_iter().map(|name| server(env, name)).collect()
}

fn server(env: &Env<'_>, name: &str) -> Result<CompatibleSettings, ConfigError> {
    let variable = |end: &str| format!("{COMPATIBLE}{name}{end}");
    let base_url = variable(BASE_URL);
    let is_letter = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.len() > ProviderName::MAX_LEN || !name.chars().all(is_letter) {
        let most = ProviderName::MAX_LEN;
        let problem = format!("the name must be 1 to {most} letters, digits and underscores");
        return Err(ConfigError::new(&base_url, problem));
    }
    let Some(url) = env.get(&base_url) else {
        let problem = "is missing; the server's other settings need its address";
        return Err(ConfigError::new(&base_url, problem));
    };
    Ok(CompatibleSettings {
        name: ProviderName::new(name.to_ascii_lowercase()),
        api_key: env.secret(&variable("_API_KEY")),
        base_url: checked_url(&base_url, &url)?,
        models: env.list(&variable("_MODELS"), ""),
    })
}
