//! `kind = "http"`: an HTTP endpoint or Edge Function.

use serde::Deserialize;

/// An HTTP endpoint or Edge Function.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpTool {
    /// The name, shown to the model.
    pub name: String,
}
