//! `kind = "openapi"`: operations of an OpenAPI document.

use serde::Deserialize;

/// Operations of an OpenAPI document.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenapiTools {
    /// The label, with which the tools' names begin.
    pub name: String,
}
