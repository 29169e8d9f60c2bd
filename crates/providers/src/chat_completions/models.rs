//! The models that a server lists: `GET {base}/models`.

use jiff::civil::Date;
use serde_json::Value;

use crate::catalogue::{self, Capability, Model};
use crate::{ErrorKind, ProviderError, ProviderName};

/// The list is in `data`, which may be null if it is empty, or is the whole response.
pub(super) fn read(provider: &ProviderName, body: &str) -> Result<Vec<Model>, ProviderError> {
    let body: Value = serde_json::from_str(body).map_err(|error| {
        ProviderError::new(provider.clone(), ErrorKind::Protocol, &error.to_string())
    })?;
    let list = body.get("data").unwrap_or(&body);
    Ok(list.as_array().into_iter().flatten().filter_map(|entry| model(provider, entry)).collect())
}

fn model(provider: &ProviderName, entry: &Value) -> Option<Model> {
    let id = entry["id"].as_str()?;
    let mut model = match catalogue::find_for(provider, id) {
        Some(known) => known.clone(),
        None => unknown(provider, id, entry),
    };
    model.context_window = context_window(entry).or(model.context_window);
    let shutdown = entry["shutdown_date"].as_str().and_then(|date| date.parse::<Date>().ok());
    model.shutdown = shutdown.or(model.shutdown);
    Some(model)
}

/// OpenRouter describes its models; most servers list only ids.
fn unknown(provider: &ProviderName, id: &str, entry: &Value) -> Model {
    let says = |path: &str, word: &str| {
        let words = entry.pointer(path).and_then(Value::as_array);
        words.is_some_and(|words| words.iter().any(|known| known == word))
    };
    let mut model = Model::unknown(provider, id);
    if let Some(name) = entry["name"].as_str() {
        name.clone_into(&mut model.name);
    }
    if says("/architecture/input_modalities", "image") {
        model.capabilities.push(Capability::Vision);
    }
    if says("/supported_parameters", "reasoning") {
        model.capabilities.push(Capability::Reasoning);
    }
    model
}

/// The names used by vLLM, OpenRouter, Groq and LM Studio.
fn context_window(entry: &Value) -> Option<u32> {
    let names = ["max_model_len", "context_length", "context_window", "max_context_length"];
    names.iter().find_map(|name| u32::try_from(entry[*name].as_u64()?).ok())
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use crate::catalogue::{Capability, Model};
    use crate::testing::{Reply, Server, fixture};
    use crate::{Connection, OpenAi, Provider, ProviderError, ProviderName};

    fn read(body: &str) -> Result<Vec<Model>, ProviderError> {
        super::read(&ProviderName::from_static("openai"), body)
    }

    #[test]
    fn reads_every_recorded_list() {
        let ids = |name: &str| -> Vec<String> {
            let models = read(&fixture(&format!("{name}.json"))).unwrap();
            models.into_iter().map(|model| model.id).collect()
        };
        assert_eq!(ids("openai-chat/models"), ["gpt-6-astra", "gpt-5"]);
        assert_eq!(ids("compat/models_ollama"), ["llama3.2:latest"]);
        assert!(ids("compat/models_ollama_empty").is_empty());
        assert_eq!(ids("compat/models_vllm"), ["Qwen/Qwen3-8B"]);
        assert_eq!(read(r#"[{"id": "a"}, {"no": "id"}, 7]"#).unwrap().len(), 1);
        assert!(read("<html>").is_err());
    }

    #[test]
    fn knows_what_the_list_and_the_catalogue_say() {
        let models = read(&fixture("openai-chat/models.json")).unwrap();
        assert_eq!(
            (models[0].name.as_str(), models[0].context_window),
            ("GPT-6 Astra", Some(922_000))
        );
        assert_eq!(models[1].shutdown, Some(date(2026, 12, 11)));
        let models = read(&fixture("compat/models_vllm.json")).unwrap();
        assert_eq!((models[0].context_window, models[0].pricing), (Some(32_768), None));
        let entry = r#"{"data": [{"id": "x/y", "name": "Y", "context_length": 9,
            "architecture": {"input_modalities": ["text", "image"]},
            "supported_parameters": ["reasoning"]}]}"#;
        let model = read(entry).unwrap().remove(0);
        assert_eq!((model.name.as_str(), model.context_window), ("Y", Some(9)));
        assert!(model.can(Capability::Vision) && model.can(Capability::Reasoning));
    }

    #[tokio::test]
    async fn asks_the_server() {
        let server = Server::start([Reply::fixture("compat/models_vllm")]).await;
        let connection = Connection::compatible(Some("k".into()), format!("{}/v1", server.url));
        let connection = Connection { system_proxy: false, ..connection };
        let provider = OpenAi::new(connection).unwrap();
        assert_eq!(provider.list_models().await.unwrap()[0].id, "Qwen/Qwen3-8B");
        let asked = server.requests().remove(0);
        assert_eq!(asked.path, "/v1/models");
        assert_eq!(asked.header("authorization"), Some("Bearer k"));
    }
}
