//! Tools as a turn offers them to its model: they do not change until it ends.

use std::sync::Arc;

use serde_json::Value;

use super::definition::Definition;
use crate::agent::tools::json_schema::{Misfit, check, fits, without_nulls};
use crate::agent::tools::redact::redacted;
use crate::agent::tools::source::{Policy, SourceKind, SourceTool, ToolSource};
use crate::providers::{ChosenModel, HostedTool, ToolDefinition};

/// A tool that a turn offers to its model.
#[derive(Clone)]
pub struct OfferedTool {
    /// The name by which the model calls it.
    pub name: String,
    /// Where it comes from.
    pub source: Arc<dyn ToolSource>,
    pub(super) definition: Arc<Definition>,
}

/// The tools that a turn offers.
#[derive(Clone, Default)]
pub struct Offered {
    /// The tools.
    pub tools: Vec<Arc<OfferedTool>>,
    /// What is missing and why, a sentence each, for the person.
    pub warnings: Vec<String>,
    /// The names of the selection that are no tool's.
    pub unknown: Vec<String>,
    /// A source could not be asked, so that an unknown name may be one of its tools.
    pub has_failed: bool,
}

impl OfferedTool {
    /// The tool as its source describes it.
    pub fn tool(&self) -> &SourceTool {
        &self.definition.tool
    }

    /// What kind of source it comes from.
    pub fn kind(&self) -> SourceKind {
        self.source.kind()
    }

    /// Changes with the tool's name, description, original schema, source and target.
    pub fn digest(&self) -> &str {
        &self.definition.digest
    }

    /// What the model is sent.
    pub fn for_model(&self) -> ToolDefinition {
        ToolDefinition { name: self.name.clone(), ..self.definition.for_model.clone() }
    }

    /// Whether the model with these ids is offered it.
    pub fn is_for(&self, model: &[&str]) -> bool {
        let models = &self.tool().models;
        models.is_empty() || models.iter().any(|other| model.contains(&other.as_str()))
    }

    /// The tool that the provider of this model runs, where it is such a tool. `Err` says why the model does not
    /// have it. Of models that the operator names for it, it is taken for granted.
    pub fn hosted_for(&self, model: &ChosenModel) -> Option<Result<&HostedTool, String>> {
        let hosted = self.source.hosted()?;
        let qualified = format!("{}/{}", model.provider(), model.id);
        let is_for = self.is_for(&[&model.id, &qualified]);
        let is_named = !self.tool().models.is_empty() && is_for;
        Some(match model.hosts(hosted) {
            _ if is_named => Ok(hosted),
            _ if !is_for => Err(format!("{} is not for this model.", self.name)),
            Ok(()) => Ok(hosted),
            Err(why) => Err(format!("{} {why}.", self.name)),
        })
    }

    /// The arguments as they are sent: without the nulls that models write for what they leave out. `Err` is
    /// the message for the model where they do not fit.
    pub fn prepared(&self, arguments: Value) -> Result<Value, String> {
        let schema = &self.definition.for_model.parameters;
        let arguments = without_nulls(schema, arguments);
        fits(schema, &arguments).map(|()| arguments)
    }

    /// The same for arguments that a person has changed. `Err` is what does not fit.
    pub fn checked(&self, arguments: Value) -> Result<Value, Misfit> {
        let schema = &self.definition.for_model.parameters;
        let arguments = without_nulls(schema, arguments);
        match check(schema, &arguments) {
            Ok(()) | Err(Misfit::TooCostly) => Ok(arguments),
            Err(misfit) => Err(misfit),
        }
    }

    /// The arguments as they are shown, without the nulls that mean nothing.
    pub fn shown(&self, arguments: Value) -> Value {
        let arguments = without_nulls(&self.definition.for_model.parameters, arguments);
        redacted(arguments, &self.tool().redact)
    }

    /// Whether a person has to be asked before it runs with these arguments, which are prepared.
    pub fn needs_approval(&self, arguments: &Value) -> bool {
        match &self.tool().policy {
            Policy::Never => false,
            Policy::Always => true,
            Policy::Unless(harmless) => check(harmless, arguments).is_err(),
        }
    }
}
