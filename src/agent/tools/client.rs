//! Tools that run in the page: the model calls them, and the page sends the results.

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::{Value, json};

use super::json_schema::{SchemaError, clean, fits, readable, without_nulls};
use crate::providers::ToolDefinition;

/// The most characters of a tool's description that a model reads.
const MAX_DESCRIPTION: usize = 1_024;
const MAX_NAME: usize = 48;

/// A tool that runs in the page.
#[derive(Clone, Debug)]
pub struct ClientTool(ToolDefinition);

impl ClientTool {
    /// A tool with this schema of arguments, which is made plain.
    pub fn new(name: &str, description: &str, parameters: &Value) -> Result<Self, SchemaError> {
        Ok(Self(ToolDefinition {
            name: name.to_owned(),
            description: readable(description, MAX_DESCRIPTION),
            parameters: clean(parameters)?,
        }))
    }

    /// Whether a tool may have this name: a letter, then letters, digits and `_`.
    pub fn is_name(name: &str) -> bool {
        let fits = |c: u8| c.is_ascii_alphanumeric() || c == b'_';
        let starts = name.as_bytes().first().is_some_and(u8::is_ascii_alphabetic);
        starts && name.len() <= MAX_NAME && name.bytes().all(fits)
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The description for the model.
    pub fn definition(&self) -> &ToolDefinition {
        &self.0
    }

    /// Whether arguments fit. `Err` is the message for the model.
    pub(in crate::agent) fn check(&self, arguments: &Value) -> Result<(), String> {
        fits(&self.0.parameters, &without_nulls(&self.0.parameters, arguments.clone()))
    }

    /// As it is stored with its calls, so that an answer is continued without the request that brought it.
    pub(in crate::agent) fn to_json(&self) -> Value {
        let ToolDefinition { name, description, parameters } = &self.0;
        json!({ "name": name, "description": description, "parameters": parameters })
    }

    /// As it was stored.
    pub fn from_json(stored: &Value) -> Option<Self> {
        let text = |name: &str| stored.get(name)?.as_str();
        let (name, description) = (text("name")?, text("description").unwrap_or_default());
        Self::new(name, description, stored.get("parameters")?).ok()
    }
}

/// The digest of a stored definition.
pub(in crate::agent) fn definition_digest(definition: &Value) -> String {
    let digest = digest(&SHA256, definition.to_string().as_bytes());
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}
