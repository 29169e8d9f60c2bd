//! A tool of a source, ready to be offered: its schema made plain, its texts bounded, its digest known.

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::json;

use super::names;
use crate::agent::tools::json_schema::{clean, is_checkable, readable};
use crate::agent::tools::source::{Policy, SourceKind, SourceTool};
use crate::json;
use crate::providers::ToolDefinition;

/// The most characters of texts about a tool.
const MAX_DESCRIPTION: usize = 1_024;
const MAX_LABEL: usize = 200;
/// The longest name that a source may give.
const MAX_NAME: usize = 256;

/// A tool of a source, ready to be offered.
#[derive(Debug)]
pub struct Definition {
    /// The tool as its source describes it, its texts bounded.
    pub tool: SourceTool,
    /// What the model is sent; its name is the one that the tool has where no other has the same.
    pub(super) for_model: ToolDefinition,
    /// Changes with everything that a person who approves a call relies on.
    pub digest: String,
}

impl Definition {
    /// The tool, or why it cannot be offered.
    pub(super) fn new(label: &str, kind: SourceKind, tool: SourceTool) -> Result<Self, String> {
        if tool.name.is_empty() || tool.name.len() > MAX_NAME {
            return Err(format!("its name must have 1 to {MAX_NAME} bytes"));
        }
        let parameters = clean(&tool.parameters).map_err(|error| match error.pointer.as_str() {
            "" => format!("its schema {}", error.detail),
            pointer => format!("its schema at {pointer} {}", error.detail),
        })?;
        let digest = digest_of(label, &tool);
        let tool = bounded(tool);
        let for_model = ToolDefinition {
            name: names::plain(kind, label, &tool.name),
            description: tool.description.clone(),
            parameters,
        };
        Ok(Self { tool, for_model, digest })
    }

    /// About how much memory it takes.
    pub(super) fn bytes(&self) -> usize {
        let schemas =
            self.for_model.parameters.to_string().len() + self.tool.parameters.to_string().len();
        2 * (schemas + self.tool.description.len() + self.tool.name.len())
    }
}

fn bounded(tool: SourceTool) -> SourceTool {
    let short = |text: Option<String>| text.map(|text| readable(&text, MAX_LABEL));
    SourceTool {
        description: readable(&tool.description, MAX_DESCRIPTION),
        title: short(tool.title),
        reason: short(tool.reason),
        target: short(tool.target),
        policy: match tool.policy {
            // What is not looked at must not let a call pass.
            Policy::Unless(schema) if !is_checkable(&schema) => Policy::Always,
            policy => policy,
        },
        ..tool
    }
}

/// The digest of what the tool is: its name, description, original schema, source and target.
fn digest_of(label: &str, tool: &SourceTool) -> String {
    let definition = json!({
        "name": tool.name,
        "description": tool.description,
        "parameters": tool.parameters,
        "source": label,
        "target": tool.target,
    });
    hex(json::canonical(&definition).as_bytes())
}

fn hex(bytes: &[u8]) -> String {
    digest(&SHA256, bytes).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}
