use clock::Clock;
use jiff::Timestamp;

use super::{ChooseError, Providers};
use crate::{CompatibleSettings, Endpoint, ProviderName, Settings, SettingsError};

fn key() -> Endpoint {
    Endpoint { api_key: Some("k".into()), base_url: None }
}

/// A server of the operator's own. Nothing is connected to.
fn custom() -> Endpoint {
    Endpoint { base_url: Some("http://localhost:9/v1".to_owned()), ..Endpoint::default() }
}

fn server(name: &str, models: &[&str]) -> CompatibleSettings {
    CompatibleSettings {
        name: ProviderName::new(name),
        api_key: None,
        base_url: "http://localhost:9/v1".to_owned(),
        models: models.iter().map(|id| (*id).to_owned()).collect(),
    }
}

fn build(settings: &Settings) -> Result<Providers, SettingsError> {
    let now = Timestamp::from_second(1_795_600_000).unwrap();
    Providers::new(settings, Clock::fixed(now))
}

/// Who is asked for an id, by which id of its own; what the API calls it.
fn chosen(settings: &Settings, id: &str) -> Result<(String, String, String), ChooseError> {
    let model = build(settings).unwrap().choose(Some(id))?;
    Ok((model.provider().to_string(), model.own_id.clone(), model.id))
}

fn is(provider: &str, own_id: &str, id: &str) -> (String, String, String) {
    (provider.to_owned(), own_id.to_owned(), id.to_owned())
}

#[test]
fn the_first_vendor_that_is_configured_proposes_the_default_model() {
    let default = |settings: &Settings| build(settings).unwrap().default_model().to_owned();
    let mut settings = Settings::default();
    assert_eq!(default(&settings), "scripted/demo");
    settings.openai = custom();
    assert_eq!(default(&settings), "scripted/demo", "nobody knows what such a server has");
    settings.gemini = key();
    assert_eq!(default(&settings), "gemini/gemini-flash-latest");
    settings.anthropic.endpoint = key();
    assert_eq!(default(&settings), "claude-sonnet-5-5");
    settings.openai = key();
    assert_eq!(default(&settings), "gpt-6.1-terra");
}

#[test]
fn several_compatible_servers_are_told_apart_by_name() {
    let compatible = vec![server("groq", &["llama-4", "openai/gpt-oss"]), server("local", &[])];
    let settings = Settings { compatible, ..Settings::default() };
    let providers = build(&settings).unwrap();
    let listed: Vec<_> = providers.list().into_iter().filter(|model| model.is_available).collect();
    let ids: Vec<_> = listed.iter().map(|model| model.id.as_str()).collect();
    assert_eq!(ids, ["scripted/demo", "groq/llama-4", "groq/openai/gpt-oss"]);
    let found = |id| chosen(&settings, id).unwrap();
    assert_eq!(found("groq/llama-4"), is("groq", "llama-4", "groq/llama-4"));
    assert_eq!(found("groq/openai/gpt-oss"), is("groq", "openai/gpt-oss", "groq/openai/gpt-oss"));
    assert_eq!(found("local/anything"), is("local", "anything", "local/anything"));
    assert_eq!(found("local/gpt-6-sol"), is("local", "gpt-6-sol", "local/gpt-6-sol"));
    let long = format!("local/{}", "x".repeat(195));
    for id in ["llama-4", "groq/", "nobody/llama-4", &long] {
        assert!(matches!(chosen(&settings, id), Err(ChooseError::Unknown { .. })), "{id}");
    }
    let Err(ChooseError::Unknown { similar, .. }) = chosen(&settings, "llama-5") else { panic!() };
    assert_eq!(similar, ["groq/llama-4"]);
}

#[test]
fn a_name_belongs_to_one_provider() {
    for name in ["openai", "gemini", "scripted"] {
        let settings = Settings { compatible: vec![server(name, &[])], ..Settings::default() };
        let error = build(&settings).err().expect(name);
        assert_eq!(error.setting, format!("openai_compatible_{name}_base_url"));
    }
}

#[test]
fn a_server_in_openai_s_place_gets_what_nobody_else_is_named_for() {
    let settings = Settings { openai: custom(), ..Settings::default() };
    let found = |id| chosen(&settings, id).unwrap();
    assert_eq!(found("llama3.2:latest"), is("openai", "llama3.2:latest", "llama3.2:latest"));
    assert_eq!(found("openai/llama"), is("openai", "llama", "llama"));
    // A gateway has names of its own before its ids.
    assert_eq!(found("gemini/some"), is("openai", "gemini/some", "gemini/some"));
    assert_eq!(found("scripted/demo"), is("scripted", "demo", "scripted/demo"));
    assert_eq!(found("scripted/other"), is("openai", "scripted/other", "scripted/other"));
    let claude = chosen(&settings, "anthropic/claude-next");
    assert!(matches!(claude, Err(ChooseError::NotConfigured { .. })));
}

#[test]
fn gemini_is_found_with_and_without_its_name() {
    let mut settings = Settings { gemini: key(), openai: custom(), ..Settings::default() };
    let expected = is("gemini", "gemini-4", "gemini/gemini-4");
    assert_eq!(chosen(&settings, "gemini/gemini-4").unwrap(), expected);
    settings.default_model = Some("gemini-4".to_owned());
    assert_eq!(chosen(&settings, "gemini-4").unwrap(), expected);
    settings.gemini = Endpoint::default();
    settings.openai = Endpoint::default();
    settings.default_model = None;
    let unset = chosen(&settings, "gemini/gemini-4");
    assert!(matches!(unset, Err(ChooseError::NotConfigured { .. })));
}

#[test]
fn settings_that_name_no_model_are_refused() {
    let title_model = Some("gpt-6-soll".to_owned());
    let error = build(&Settings { title_model, ..Settings::default() }).err().unwrap();
    assert_eq!(error.setting, "title_model");
    assert!(error.problem.contains("gpt-6-sol"), "{error}");
    let openai = Endpoint { api_key: Some("a\nb".into()), ..Endpoint::default() };
    let error = build(&Settings { openai, ..Settings::default() }).err().unwrap();
    assert_eq!(error.setting, "openai_api_key");
}

#[test]
fn every_provider_has_a_status() {
    let providers = build(&Settings { anthropic: Default::default(), ..Settings::default() });
    let statuses: Vec<_> = providers.unwrap().statuses().collect();
    let on: Vec<_> = statuses.iter().filter(|it| it.is_configured).map(|it| &it.settings).collect();
    assert_eq!(on, ["scripted"]);
    assert!(statuses.iter().all(|status| status.is_simulated == status.is_configured));
}
