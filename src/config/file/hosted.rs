//! `kind = "hosted"`: a tool that the model's provider runs.

use serde::Deserialize;

/// A tool that the model's provider runs.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HostedTool {
    /// The name, shown to the model.
    pub name: String,
}
