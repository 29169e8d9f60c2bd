//! `kind = "mcp"`: a server that speaks the Model Context Protocol.

use serde::Deserialize;

/// A server that speaks the Model Context Protocol.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct McpTools {
    /// The label, with which the tools' names begin.
    pub name: String,
}
