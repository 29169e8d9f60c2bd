//! `kind = "openapi"`: operations of an OpenAPI document.

use std::collections::BTreeMap;

use providers::catalogue::Usd;
use schemars::JsonSchema;
use serde::Deserialize;

use super::http::{Approval, HttpAuth};

/// Operations of an OpenAPI document.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenapiTools {
    /// The label, with which the tools' names begin: a letter, then letters, digits and `_`; at most 48 characters.
    pub name: String,
    /// The document: a JSON file, relative to the configuration file.
    pub document: String,
    /// The operations that become tools, by `operationId`.
    #[schemars(length(min = 1))]
    pub operations: Vec<String>,
    /// Where the API is; the document's first server by default.
    pub url: Option<String>,
    /// Constant headers; `${NAME}` stands for a secret.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Who asks; `none` by default.
    pub auth: Option<HttpAuth>,
    /// Whether `X-Chat-User` has the user's id; with the `secret` kind of `auth`.
    #[serde(default)]
    pub user_header: bool,
    /// How long a call may take, in milliseconds: 1,000 to 120,000.
    #[schemars(range(min = 1_000, max = 120_000))]
    pub timeout_ms: Option<u64>,
    /// The longest response that the model reads, in bytes; at most 1 MiB. More is cut.
    #[schemars(range(min = 1, max = 1_048_576))]
    pub max_response_bytes: Option<usize>,
    /// What a call costs, in US dollars: it counts as the tokens do.
    #[schemars(with = "Option<f64>")]
    pub price_usd: Option<Usd>,
    /// Whether a person is asked before an operation runs; `auto` by default.
    pub approval: Option<Approval>,
    /// Whether that person may change the arguments.
    #[serde(default)]
    pub edit: bool,
    /// Offer them only to users whose `app_metadata.role` is one of these.
    #[serde(default)]
    pub roles: Vec<String>,
    /// Offer them only to these models.
    #[serde(default)]
    pub models: Vec<String>,
    /// JSON Pointers of arguments that are shown and stored as `•••`.
    #[serde(default)]
    pub redact: Vec<String>,
    /// Whether requests that name no tools have them.
    #[serde(default)]
    pub default: bool,
}
