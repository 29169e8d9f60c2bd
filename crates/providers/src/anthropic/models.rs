//! The models that Anthropic lists: `GET {base}/v1/models`, page by page.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Deserialize;
use serde_json::Value;

use super::{Anthropic, NAME};
use crate::catalogue::{self, Capability, Model, ThinkingMode};
use crate::{ErrorKind, ProviderError};

/// The maximum number of pages, in case a list never ends.
const MAX_PAGES: usize = 10;

#[derive(Deserialize)]
struct Page {
    data: Option<Vec<Entry>>,
    #[serde(default)]
    has_more: bool,
    last_id: Option<String>,
}

#[derive(Deserialize)]
struct Entry {
    id: String,
    display_name: Option<String>,
    retires_at: Option<Timestamp>,
    max_input_tokens: Option<u32>,
    max_tokens: Option<u32>,
    #[serde(default)]
    capabilities: Value,
}

impl Anthropic {
    pub(super) async fn models(&self) -> Result<Vec<Model>, ProviderError> {
        let mut models = Vec::new();
        let mut after = None;
        for _ in 0..MAX_PAGES {
            let page = self.page(after.as_deref()).await?;
            models.extend(page.data.into_iter().flatten().map(model));
            after = page.last_id.filter(|_| page.has_more);
            if after.is_none() {
                break;
            }
        }
        Ok(models)
    }

    async fn page(&self, after: Option<&str>) -> Result<Page, ProviderError> {
        let mut url = self.url("/models");
        url.query_pairs_mut().append_pair("limit", "1000");
        if let Some(after) = after {
            url.query_pairs_mut().append_pair("after_id", after);
        }
        let body = self.http.get(&url, &self.headers(false)).await?;
        serde_json::from_str(&body)
            .map_err(|error| ProviderError::new(NAME, ErrorKind::Protocol, &error.to_string()))
    }
}

fn model(entry: Entry) -> Model {
    let retirement = entry.retires_at.map(|at| at.to_zoned(TimeZone::UTC).date());
    let mut model = match catalogue::find_for(&NAME, &entry.id) {
        Some(known) => known.clone(),
        None => unknown(&entry),
    };
    model.name = entry.display_name.unwrap_or(model.name);
    model.context_window = entry.max_input_tokens.or(model.context_window);
    model.max_output_tokens = entry.max_tokens.or(model.max_output_tokens);
    model.shutdown = retirement.or(model.shutdown);
    model
}

/// A model that is not in the catalogue. The list describes its capabilities.
fn unknown(entry: &Entry) -> Model {
    let can = |path: &str| {
        let supported = entry.capabilities.pointer(path).map(|leaf| &leaf["supported"]);
        supported.and_then(Value::as_bool)
    };
    let mut model = Model::unknown(&NAME, &entry.id);
    let hints = [
        ("/image_input", Capability::Vision),
        ("/thinking", Capability::Reasoning),
        ("/pdf_input", Capability::Documents),
    ];
    let known = hints.into_iter().filter(|(path, _)| can(path) == Some(true));
    model.capabilities.extend(known.map(|(_, capability)| capability));
    model.thinking = match (can("/thinking/types/adaptive"), can("/thinking/types/disabled")) {
        (Some(false), _) => ThinkingMode::Budget,
        (_, Some(false)) => ThinkingMode::Always,
        _ => ThinkingMode::Adaptive,
    };
    model
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use serde_json::json;

    use super::model;
    use crate::catalogue::{Capability, ThinkingMode};
    use crate::testing::{Reply, Server, fixture};
    use crate::{Anthropic, AuthHeader, Connection, Provider};

    fn page(id: &str, has_more: bool) -> Reply {
        let body = json!({"data": [{"id": id}], "has_more": has_more, "last_id": id});
        Reply::new(200, "application/json", body.to_string())
    }

    #[tokio::test]
    async fn asks_page_by_page() {
        let server = Server::start([page("a b", true), page("c", false)]).await;
        let connection = Connection::compatible(Some("k".into()), &server.url);
        let connection = Connection { system_proxy: false, ..connection };
        let anthropic = Anthropic::new(connection, Anthropic::VERSION, AuthHeader::default());
        let models = anthropic.unwrap().list_models().await.unwrap();
        assert_eq!(models.iter().map(|model| model.id.as_str()).collect::<Vec<_>>(), ["a b", "c"]);
        let asked = server.requests();
        assert_eq!(asked[0].path, "/v1/models?limit=1000");
        assert_eq!(asked[1].path, "/v1/models?limit=1000&after_id=a+b");
        assert_eq!(asked[0].header("anthropic-version"), Some("2026-10-21"));
    }

    #[test]
    fn knows_what_the_list_and_the_catalogue_say() {
        let page: super::Page = serde_json::from_str(&fixture("anthropic/models.json")).unwrap();
        let models: Vec<_> = page.data.into_iter().flatten().map(model).collect();
        assert_eq!(models[0].context_window, Some(1_000_000));
        assert!(models[0].pricing.is_some());
        assert_eq!(models[1].shutdown, Some(date(2026, 11, 30)));
    }

    #[test]
    fn learns_what_a_new_model_can_do() {
        let supported = |supported: bool| json!({"supported": supported});
        let entry = json!({"id": "claude-next", "display_name": "Claude Next", "capabilities": {
            "image_input": supported(true), "pdf_input": supported(false),
            "thinking": {"supported": true, "types": {
                "adaptive": supported(true), "disabled": supported(false)}}}});
        let model = model(serde_json::from_value(entry).unwrap());
        assert_eq!(model.name, "Claude Next");
        assert!(model.can(Capability::Vision) && model.can(Capability::Reasoning));
        assert!(!model.can(Capability::Documents));
        assert_eq!((model.thinking, model.pricing), (ThinkingMode::Always, None));
    }
}
