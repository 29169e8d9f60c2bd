//! `kind = "postgres"`: functions of the project's database whose comment begins with `@tool`.

use providers::catalogue::Usd;
use schemars::JsonSchema;
use serde::Deserialize;

/// Functions of the project's database.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PostgresTools {
    /// The label of the source. The tools have the functions' names.
    pub name: String,
    /// When a person is asked.
    #[serde(default)]
    pub approval: FunctionApproval,
    /// Whether the tools are offered to requests that name none.
    #[serde(default)]
    pub default: bool,
    /// How long one call may take; else `TOOL_TIMEOUT_MS`.
    pub timeout_ms: Option<u64>,
    /// The longest result that a model reads; else `TOOL_RESULT_BYTES`.
    pub max_response_bytes: Option<usize>,
    /// The most rows of one result.
    #[serde(default = "max_rows")]
    pub max_rows: usize,
    /// What a call costs, in US dollars: it counts as the tokens do.
    #[schemars(with = "Option<f64>")]
    pub price_usd: Option<Usd>,
    /// Offered with these models alone; empty: with all.
    #[serde(default)]
    pub models: Vec<String>,
    /// Offered to users whose `app_metadata.role` is one of these; empty: to all.
    #[serde(default)]
    pub roles: Vec<String>,
}

/// When a person is asked before a function runs. Before one that is `security definer`: always.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum FunctionApproval {
    /// Before a `volatile` one, unless its comment says otherwise. The others cannot change rows.
    #[default]
    Auto,
    /// Before each.
    Always,
    /// Before those whose comment says so.
    Never,
}

fn max_rows() -> usize {
    100
}
