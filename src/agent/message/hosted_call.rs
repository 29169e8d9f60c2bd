//! Calls of tools that the provider runs, as people see them. What goes back to the provider are its own
//! blocks, which are kept beside them.

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Map, Value, json};

/// A call of a tool that the provider runs.
#[derive(Clone, Debug, PartialEq)]
pub struct HostedCall {
    /// The call's id.
    pub id: String,
    /// The tool's name.
    pub name: String,
    /// The state.
    pub state: HostedState,
}

/// The state of a call of a provider's tool.
#[derive(Clone, Debug, PartialEq)]
pub enum HostedState {
    /// The arguments are not known yet.
    Started,
    /// It runs.
    Called(Value),
    /// It has a result.
    Done {
        /// The arguments.
        input: Value,
        /// The result.
        output: Value,
    },
    /// It has none.
    Failed {
        /// The arguments.
        input: Value,
        /// Why.
        error_text: String,
    },
}

impl HostedState {
    /// The arguments, once they are known.
    pub fn input(&self) -> Option<&Value> {
        match self {
            Self::Started => None,
            Self::Called(input) | Self::Done { input, .. } | Self::Failed { input, .. } => {
                Some(input)
            }
        }
    }

    /// Whether something is still to come.
    pub fn is_open(&self) -> bool {
        matches!(self, Self::Started | Self::Called(_))
    }

    /// A number that rises with each change.
    pub(super) fn number(&self) -> u8 {
        match self {
            Self::Started => 0,
            Self::Called(_) => 1,
            Self::Done { .. } => 2,
            Self::Failed { .. } => 3,
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Started => "input-streaming",
            Self::Called(_) => "input-available",
            Self::Done { .. } => "output-available",
            Self::Failed { .. } => "output-error",
        }
    }
}

impl Serialize for HostedCall {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("type", &format!("tool-{}", self.name))?;
        map.serialize_entry("toolCallId", &self.id)?;
        map.serialize_entry("state", self.state.name())?;
        if let Some(input) = self.state.input() {
            map.serialize_entry("input", input)?;
        }
        match &self.state {
            HostedState::Done { output, .. } => map.serialize_entry("output", output)?,
            HostedState::Failed { error_text, .. } => {
                map.serialize_entry("errorText", error_text)?;
            }
            HostedState::Started | HostedState::Called(_) => {}
        }
        map.serialize_entry("providerExecuted", &true)?;
        map.end()
    }
}

/// A stored call.
pub(super) fn understood(part: &Map<String, Value>) -> Option<HostedCall> {
    let name = part.get("type")?.as_str()?.strip_prefix("tool-")?.to_owned();
    let input = part.get("input").cloned().unwrap_or_else(|| json!({}));
    let state = match part.get("state")?.as_str()? {
        "input-streaming" => HostedState::Started,
        "input-available" => HostedState::Called(input),
        "output-available" => {
            HostedState::Done { input, output: part.get("output").cloned().unwrap_or_default() }
        }
        "output-error" => {
            let error_text = part.get("errorText")?.as_str()?.to_owned();
            HostedState::Failed { input, error_text }
        }
        _ => return None,
    };
    Some(HostedCall { id: part.get("toolCallId")?.as_str()?.to_owned(), name, state })
}
