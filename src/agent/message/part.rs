//! The parts of a message, as the AI SDK's `UIMessage` has them.

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value, json};

use super::approval::Approval;
use super::hosted_call::{self, HostedCall};
use super::{citations, sanitize};
use crate::json;
use crate::providers::{Opaque, ProviderName};

/// A part of an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    /// The start of another call of the model.
    StepStart,
    /// Text of the answer.
    Text {
        /// The text so far.
        text: String,
        /// Whether it is complete.
        done: bool,
        /// Opaque data that goes back to the provider.
        opaque: Option<Opaque>,
    },
    /// Reasoning of the model.
    Reasoning {
        /// The readable text so far.
        text: String,
        /// Whether it is complete.
        done: bool,
        /// Opaque data that goes back to the provider unchanged.
        opaque: Option<Opaque>,
    },
    /// A tool call and its result. Boxed, as the next one: most parts are text.
    Tool(Box<ToolPart>),
    /// A call of a tool that the provider runs.
    Hosted(Box<HostedCall>),
    /// A part that this server does not interpret: files, data of the front end.
    Other(Value),
}

impl From<ToolPart> for Part {
    fn from(call: ToolPart) -> Self {
        Self::Tool(Box::new(call))
    }
}

impl From<HostedCall> for Part {
    fn from(call: HostedCall) -> Self {
        Self::Hosted(Box::new(call))
    }
}

/// A tool call and its result.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolPart {
    /// The call's id.
    pub id: String,
    /// The tool's name.
    pub name: String,
    /// The arguments so far, JSON text.
    pub arguments: String,
    /// The state.
    pub state: ToolState,
    /// Opaque data that goes back to the provider unchanged.
    pub opaque: Option<Opaque>,
    /// The question whether it may be made, where a person was asked.
    pub approval: Option<Box<Approval>>,
    /// Whether the person has changed the arguments.
    pub is_edited: bool,
}

/// The state of a tool call.
#[derive(Clone, Debug, PartialEq)]
pub enum ToolState {
    /// Arguments are arriving.
    InputStreaming,
    /// The arguments are complete.
    InputAvailable(Value),
    /// A person is asked whether it may be made.
    ApprovalRequested(Value),
    /// It may be made, and has no result yet.
    ApprovalResponded(Value),
    /// A person has denied it.
    OutputDenied(Value),
    /// The tool has answered.
    OutputAvailable {
        /// The arguments.
        input: Value,
        /// The result.
        output: Value,
    },
    /// The tool has failed, or could not be run.
    OutputError {
        /// The arguments.
        input: Value,
        /// Why, for the model and the person.
        error_text: String,
    },
}

impl ToolPart {
    /// The arguments, once they are whole.
    pub fn input(&self) -> Option<&Value> {
        match &self.state {
            ToolState::InputStreaming => None,
            ToolState::InputAvailable(input)
            | ToolState::ApprovalRequested(input)
            | ToolState::ApprovalResponded(input)
            | ToolState::OutputDenied(input)
            | ToolState::OutputAvailable { input, .. }
            | ToolState::OutputError { input, .. } => Some(input),
        }
    }

    /// The arguments as they go back to a provider: the text that it has sent, because another spelling
    /// of the same is not in its cache.
    pub(in crate::agent) fn sent_arguments(&self) -> String {
        match self.input() {
            Some(_) if self.is_edited => self.arguments.clone(),
            Some(input) if says(&self.arguments, input) => self.arguments.clone(),
            Some(input) => input.to_string(),
            None => "{}".to_owned(),
        }
    }

    /// How long its result is as JSON.
    pub(in crate::agent) fn result_bytes(&self) -> usize {
        match &self.state {
            ToolState::OutputAvailable { output, .. } => output.to_string().len(),
            ToolState::OutputError { error_text, .. } => error_text.len(),
            _ => 0,
        }
    }

    /// What a person is asked, for a client that decides by the API's own route.
    pub fn approval_data(&self) -> Value {
        let mut data = Map::new();
        if let Some(approval) = &self.approval {
            data.extend(approval.shown.clone());
            data.insert("approvalId".to_owned(), approval.id.as_str().into());
        }
        data.insert("toolCallId".to_owned(), self.id.as_str().into());
        data.insert("toolName".to_owned(), self.name.as_str().into());
        data.insert("input".to_owned(), self.input().cloned().unwrap_or_default());
        Value::Object(data)
    }

    /// Why the call was denied, for the model and the person.
    pub fn denial(&self) -> String {
        self.approval.as_deref().map_or_else(|| Approval::default().denial(), Approval::denial)
    }

    /// What is stored with the call besides its input.
    fn call_metadata(&self) -> Map<String, Value> {
        let mut all = Map::new();
        if let Some(opaque) = &self.opaque {
            all.insert(opaque.provider.as_str().to_owned(), json!({ "opaque": opaque.json }));
        }
        let mut ours = Map::new();
        if self.is_edited {
            ours.insert("edited".to_owned(), true.into());
        }
        let input = self.input().filter(|input| says(&self.arguments, input));
        // jsonb has an order and a spelling of its own.
        let is_lost = |input: &&Value| json::as_stored((*input).clone()) != self.arguments;
        if self.is_edited || input.filter(is_lost).is_some() {
            ours.insert("arguments".to_owned(), self.arguments.as_str().into());
        }
        if let Some(approval) = self.approval.as_ref().filter(|approval| !approval.shown.is_empty())
        {
            ours.insert("approval".to_owned(), Value::Object(approval.shown.clone()));
        }
        if !ours.is_empty() {
            all.insert(OURS.to_owned(), Value::Object(ours));
        }
        all
    }
}

/// The name under which this server keeps what belongs to no provider.
const OURS: &str = "chat-backend";

/// Whether a text of arguments says this input.
fn says(arguments: &str, input: &Value) -> bool {
    let parsed = serde_json::from_str(arguments).map(sanitize::json);
    parsed.is_ok_and(|parsed| json::is_same(&parsed, input))
}

/// The text parts of a message, joined: its `content`.
pub fn content(parts: &[Part]) -> String {
    let texts = parts.iter().filter_map(|part| match part {
        Part::Text { text, .. } => Some(text.as_str()),
        _ => None,
    });
    texts.collect()
}

impl Serialize for Part {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::StepStart => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry("type", "step-start")?;
                map.end()
            }
            Self::Text { text, done, opaque } => {
                block(serializer, "text", text, *done, opaque.as_ref())
            }
            Self::Reasoning { text, done, opaque } => {
                block(serializer, "reasoning", text, *done, opaque.as_ref())
            }
            Self::Tool(tool) => tool.serialize(serializer),
            Self::Hosted(call) => call.serialize(serializer),
            Self::Other(value) => value.serialize(serializer),
        }
    }
}

fn block<S: Serializer>(
    serializer: S,
    kind: &str,
    text: &str,
    done: bool,
    opaque: Option<&Opaque>,
) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(None)?;
    map.serialize_entry("type", kind)?;
    map.serialize_entry("text", text)?;
    map.serialize_entry("state", if done { "done" } else { "streaming" })?;
    if let Some(opaque) = opaque {
        map.serialize_entry("providerMetadata", &metadata(opaque))?;
    }
    map.end()
}

impl Serialize for ToolPart {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("type", &format!("tool-{}", self.name))?;
        map.serialize_entry("toolCallId", &self.id)?;
        map.serialize_entry("state", self.state.name())?;
        if let Some(input) = self.input() {
            map.serialize_entry("input", input)?;
        }
        if let Some(approval) = self.shown_approval() {
            map.serialize_entry("approval", &approval.to_json())?;
        }
        match &self.state {
            ToolState::OutputAvailable { output, .. } => map.serialize_entry("output", output)?,
            ToolState::OutputError { error_text, .. } => {
                map.serialize_entry("errorText", error_text)?;
            }
            _ => {}
        }
        let metadata = self.call_metadata();
        if !metadata.is_empty() {
            map.serialize_entry("callProviderMetadata", &metadata)?;
        }
        map.end()
    }
}

impl ToolPart {
    /// Clients take an error with an approval only if that was given.
    fn shown_approval(&self) -> Option<&Approval> {
        let approval = self.approval.as_deref()?;
        let is_shown = match &self.state {
            ToolState::InputStreaming | ToolState::InputAvailable(_) => false,
            ToolState::ApprovalRequested(_) => approval.approved.is_none(),
            ToolState::OutputDenied(_) => approval.approved == Some(false),
            ToolState::ApprovalResponded(_) => approval.approved.is_some(),
            ToolState::OutputAvailable { .. } | ToolState::OutputError { .. } => {
                approval.approved == Some(true)
            }
        };
        is_shown.then_some(approval)
    }
}

impl ToolState {
    fn name(&self) -> &'static str {
        match self {
            Self::InputStreaming => "input-streaming",
            Self::InputAvailable(_) => "input-available",
            Self::ApprovalRequested(_) => "approval-requested",
            Self::ApprovalResponded(_) => "approval-responded",
            Self::OutputDenied(_) => "output-denied",
            Self::OutputAvailable { .. } => "output-available",
            Self::OutputError { .. } => "output-error",
        }
    }
}

/// jsonb reorders keys, so what must stay byte for byte is stored as text.
fn metadata(opaque: &Opaque) -> Value {
    let mut kept = citations::of(opaque).unwrap_or_default();
    kept.insert("opaque".to_owned(), opaque.json.clone().into());
    json!({ opaque.provider.as_str(): kept })
}

fn opaque(part: &Map<String, Value>, field: &str) -> Option<Opaque> {
    let metadata = part.get(field)?.as_object()?;
    metadata.iter().find_map(|(provider, data)| {
        let json = data.get("opaque")?.as_str()?.to_owned();
        Some(Opaque { provider: ProviderName::new(provider), json })
    })
}

/// Reads a stored part. Users can write any JSON there, so nothing is refused: what is not
/// understood is `Other`.
impl<'de> Deserialize<'de> for Part {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        Ok(understood(&value).unwrap_or(Self::Other(value)))
    }
}

fn understood(value: &Value) -> Option<Part> {
    let part = value.as_object()?;
    let text = || Some(part.get("text")?.as_str()?.to_owned());
    let done = part.get("state").and_then(Value::as_str) != Some("streaming");
    match part.get("type")?.as_str()? {
        "step-start" => Some(Part::StepStart),
        "text" => {
            let opaque = opaque(part, "providerMetadata");
            Some(Part::Text { text: text()?, done, opaque })
        }
        "reasoning" => {
            let opaque = opaque(part, "providerMetadata");
            Some(Part::Reasoning { text: text()?, done, opaque })
        }
        kind if kind.starts_with("tool-")
            && part.get("providerExecuted") == Some(&Value::Bool(true)) =>
        {
            hosted_call::understood(part).map(Part::from)
        }
        kind => tool(kind.strip_prefix("tool-")?, part).map(Part::from),
    }
}

fn tool(name: &str, part: &Map<String, Value>) -> Option<ToolPart> {
    let input = part.get("input").cloned();
    let ours = part.get("callProviderMetadata").and_then(|all| all.get(OURS));
    let ours = |name: &str| ours.and_then(|ours| ours.get(name));
    let sent = ours("arguments").and_then(Value::as_str).map(str::to_owned);
    let approval = part.get("approval");
    let approval = approval.and_then(|approval| Approval::read(approval, ours("approval")));
    let whole = input.clone().unwrap_or_else(|| json!({}));
    let state = match part.get("state")?.as_str()? {
        "output-available" => ToolState::OutputAvailable {
            input: whole,
            output: part.get("output").cloned().unwrap_or(Value::Null),
        },
        "output-error" => ToolState::OutputError {
            input: whole,
            error_text: part.get("errorText")?.as_str()?.to_owned(),
        },
        "input-available" => ToolState::InputAvailable(whole),
        "approval-requested" => ToolState::ApprovalRequested(whole),
        "approval-responded" => ToolState::ApprovalResponded(whole),
        "output-denied" => ToolState::OutputDenied(whole),
        _ => ToolState::InputStreaming,
    };
    Some(ToolPart {
        id: part.get("toolCallId")?.as_str()?.to_owned(),
        name: name.to_owned(),
        arguments: sent.or(input.map(|input| input.to_string())).unwrap_or_default(),
        state,
        opaque: opaque(part, "callProviderMetadata"),
        approval: approval.map(Box::new),
        is_edited: ours("edited") == Some(&Value::Bool(true)),
    })
}
