//! The JSON Schema of the configuration file, for editors.

use std::collections::BTreeMap;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Value, json};

use super::assistants;
use super::hosted;
use super::http::HttpTool;
use super::mcp::McpTools;
use super::openapi::OpenapiTools;
use super::plans::Plan;
use super::postgres::PostgresTools;

/// The configuration file of chat-backend.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[allow(dead_code, reason = "only its schema is read")]
struct ConfigurationFile {
    /// The environment variables whose values may stand in the file, as `${NAME}`.
    #[serde(default)]
    secrets: Vec<String>,
    /// `host` or `host:port` that tools may reach although their address is private; a host without a port has 80
    /// and 443.
    #[serde(default)]
    allow_hosts: Vec<String>,
    /// Where browsers reach this server, such as `https://api.example.com`: for sign-ins at servers of tools.
    public_url: Option<String>,
    /// The tools that models are offered.
    #[serde(default)]
    #[schemars(schema_with = "tools")]
    tools: Value,
    /// What users talk to, by its id.
    #[serde(default)]
    assistants: BTreeMap<String, assistants::Raw>,
    /// What users may spend, by the plan's name; `default` is for those whose token names none.
    #[serde(default)]
    plans: BTreeMap<String, Plan>,
    /// The claim of the access token that names the plan; `app_metadata.plan` by default.
    plan_claim: Option<String>,
    /// Prices of models by their ids, in the place of the catalogue's.
    #[serde(default)]
    prices: BTreeMap<String, ModelPrices>,
    /// US dollars that a million tokens count where money is limited and the model has no price.
    unpriced_usd_per_million_tokens: Option<f64>,
}

/// US dollars per million tokens.
#[derive(JsonSchema)]
#[allow(dead_code, reason = "only its schema is read")]
struct ModelPrices {
    input: f64,
    output: f64,
    cached_input: Option<f64>,
    cache_write: Option<f64>,
    long_cache_write: Option<f64>,
}

/// The JSON Schema of the configuration file.
pub fn schema() -> Value {
    let generator = SchemaSettings::draft07().for_deserialize().into_generator();
    generator.into_root_schema_for::<ConfigurationFile>().to_value()
}

fn tools(generator: &mut SchemaGenerator) -> Schema {
    let kinds = [
        entry::<HttpTool>(generator, "http"),
        entry::<OpenapiTools>(generator, "openapi"),
        entry::<PostgresTools>(generator, "postgres"),
        entry::<McpTools>(generator, "mcp"),
        entry::<hosted::Raw>(generator, "hosted"),
    ];
    let schema = json!({ "type": "array", "items": { "oneOf": kinds } });
    Schema::try_from(schema).unwrap_or_default()
}

/// An entry with its kind.
fn entry<T: JsonSchema>(generator: &mut SchemaGenerator, kind: &str) -> Value {
    let mut schema = T::json_schema(generator).to_value();
    schema["properties"]["kind"] = json!({ "const": kind });
    let kind = json!("kind");
    match schema["required"].as_array_mut() {
        Some(required) => required.insert(0, kind),
        None => schema["required"] = json!([kind]),
    }
    schema
}
