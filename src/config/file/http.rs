//! `kind = "http"`: an HTTP endpoint or Edge Function.

use std::collections::BTreeMap;

use providers::catalogue::Usd;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

/// An HTTP endpoint or Edge Function.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HttpTool {
    /// The name, shown to the model: a letter, then letters, digits and `_`; at most 48 characters.
    pub name: String,
    /// A title for people.
    pub title: Option<String>,
    /// What it does, for the model; at most 1,024 characters.
    pub description: String,
    /// JSON Schema of the arguments: an object. Without it there are none.
    pub parameters: Option<Value>,
    /// The method; `POST` by default.
    pub method: Option<Method>,
    /// The address. `{x}` stands for the argument x, in segments of the path and values of the query only. Beside
    /// `edge_function`: where the function is served while the local Supabase is in use.
    pub url: Option<String>,
    /// An Edge Function of the project: `<SUPABASE_URL>/functions/v1/<name>`.
    pub edge_function: Option<String>,
    /// The argument whose value is the whole body. Without it the body is an object of all arguments that the
    /// address does not use; `GET` and `DELETE` have none.
    pub body: Option<String>,
    /// Constant headers; `${NAME}` stands for a secret.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Who asks; `user` by default for an Edge Function, else `none`.
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
    /// What of the response the model reads.
    pub response: Option<ResponseRule>,
    /// What a call costs, in US dollars: it counts as the tokens do.
    #[schemars(with = "Option<f64>")]
    pub price_usd: Option<Usd>,
    /// Whether a person is asked before it runs; `auto` by default.
    pub approval: Option<Approval>,
    /// Whether that person may change the arguments.
    #[serde(default)]
    pub edit: bool,
    /// Whether a call whose outcome is not known may be made again; by default only with `GET`.
    pub repeatable: Option<bool>,
    /// Offer it only to users whose `app_metadata.role` is one of these.
    #[serde(default)]
    pub roles: Vec<String>,
    /// Offer it only to these models.
    #[serde(default)]
    pub models: Vec<String>,
    /// JSON Pointers of arguments that are shown and stored as `•••`.
    #[serde(default)]
    pub redact: Vec<String>,
    /// Whether requests that name no tools have it.
    #[serde(default)]
    pub default: bool,
}

/// A method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
#[allow(missing_docs)]
pub enum Method {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

/// Who asks.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum HttpAuth {
    /// Nobody.
    None,
    /// The caller, with their own access token.
    User,
    /// The operator, with a secret.
    Secret {
        /// The header.
        header: String,
        /// Its value; `${NAME}` stands for a secret.
        value: String,
    },
}

/// What of a response the model reads.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ResponseRule {
    /// JSON.
    Json,
    /// The text as it is.
    Text,
    /// What this JSON Pointer leads to.
    Pick(String),
}

/// Whether a person is asked before a tool runs.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Approval {
    /// It runs.
    Never,
    /// A person is asked each time.
    Always,
    /// A person is asked unless the method is `GET`, and may say "always in this chat".
    Auto,
    /// A person is asked unless the arguments fit this JSON Schema.
    Unless(Value),
}
