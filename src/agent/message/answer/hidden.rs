//! Arguments of calls that are neither shown nor stored with the answer: what tools say of theirs.

use std::collections::HashMap;

use serde_json::Value;

use crate::agent::tools::redact::redacted;

/// What is hidden of an answer's calls.
#[derive(Clone, Debug, Default)]
pub(in crate::agent) struct HiddenArguments {
    /// JSON Pointers of arguments, by the tools' names.
    pointers: HashMap<String, Vec<String>>,
    /// The arguments as the model has written them, by the parts of their calls.
    written: HashMap<usize, Value>,
}

impl HiddenArguments {
    /// Hides these arguments of the tools with these names.
    pub(in crate::agent) fn of(tools: impl Iterator<Item = (String, Vec<String>)>) -> Self {
        let pointers = tools.filter(|(_, pointers)| !pointers.is_empty()).collect();
        Self { pointers, written: HashMap::new() }
    }

    /// Whether something of this tool's arguments is hidden, so that nothing is shown before they are whole.
    pub(super) fn has_any_of(&self, tool: &str) -> bool {
        self.pointers.contains_key(tool)
    }

    /// What is shown of a call's arguments, where that is not all.
    pub(super) fn hide(&mut self, part: usize, tool: &str, arguments: &Value) -> Option<Value> {
        let pointers = self.pointers.get(tool)?;
        self.written.insert(part, arguments.clone());
        Some(redacted(arguments.clone(), pointers))
    }

    /// The arguments with which a call is made.
    pub(in crate::agent) fn written(&self, part: usize, shown: &Value) -> Value {
        self.written.get(&part).unwrap_or(shown).clone()
    }
}
