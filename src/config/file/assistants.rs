//! `[assistants.<id>]`: what the operator offers in the place of bare models.

use std::collections::HashSet;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use providers::ReasoningEffort;
use schemars::JsonSchema;
use serde::Deserialize;
use toml::Table;

use super::typed::typed;

/// The longest instructions, in bytes.
const MAX_INSTRUCTIONS: usize = 200 << 10;

/// An assistant: instructions, a model and tools under a name.
#[derive(Clone, Debug)]
pub struct Assistant {
    /// The name of its table in the file.
    pub id: String,
    /// A digest of everything that the file says of it.
    pub version: String,
    /// The name for people.
    pub name: String,
    /// What it is for, in a sentence.
    pub description: String,
    /// What the model is told. Nobody else is.
    pub instructions: Instructions,
    /// The model; none for the server's default.
    pub model: Option<String>,
    /// The models that are asked where that one cannot answer; none for `FALLBACK_MODELS`.
    pub fallbacks: Option<Vec<String>>,
    /// The tools of this server that its model may call: names of tools, or of sources for all of theirs.
    pub tools: Vec<String>,
    /// Questions to begin with.
    pub suggestions: Vec<String>,
    /// The options of its requests.
    pub limits: Limits,
    /// What a request may say otherwise.
    pub overridable: Vec<Overridable>,
}

/// The options of an assistant's requests.
#[derive(Clone, Debug, Default, Deserialize)]
#[allow(missing_docs)]
pub struct Limits {
    pub max_output_tokens: Option<u32>,
    pub max_steps: Option<u32>,
    pub temperature: Option<f64>,
    pub top_p: Option<f64>,
    pub reasoning_effort: Option<ReasoningEffort>,
}

/// What a request may say otherwise than its assistant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Overridable {
    /// Another model.
    Model,
    /// Other tools of this server.
    Tools,
    /// What follows the instructions: `system`, the chat's system prompt, what a page tells of itself.
    System,
    /// The output cap.
    MaxOutputTokens,
    /// How often the model is called.
    MaxSteps,
    /// The sampling temperature.
    Temperature,
    /// The probability mass.
    TopP,
    /// The reasoning effort.
    ReasoningEffort,
}

/// A text that is sent to the model's provider and to nobody else. It cannot be serialized or printed.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Instructions(Arc<str>);

impl Instructions {
    /// The text, for the model's provider.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether a text repeats them, in whole or in a part that is more than a common word.
    pub fn are_repeated_by(&self, text: &str) -> bool {
        const PART: usize = 12;
        let (own, text) = (self.0.as_bytes(), text.as_bytes());
        if own.is_empty() || text.len() < 4 {
            return false;
        }
        // A short one is looked for in the other as a whole.
        let part = PART.min(own.len()).min(text.len());
        let parts: HashSet<&[u8]> = own.windows(part).collect();
        text.windows(part).any(|part| parts.contains(part))
    }
}

impl fmt::Debug for Instructions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{} bytes]", self.0.len())
    }
}

impl From<String> for Instructions {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "Assistant")]
#[serde(deny_unknown_fields)]
pub(super) struct Raw {
    name: String,
    #[serde(default)]
    description: String,
    instructions: Option<String>,
    instructions_file: Option<String>,
    model: Option<String>,
    fallbacks: Option<Vec<String>>,
    #[serde(default)]
    tools: Vec<String>,
    #[serde(default)]
    suggestions: Vec<String>,
    max_output_tokens: Option<u32>,
    max_steps: Option<u32>,
    temperature: Option<f64>,
    top_p: Option<f64>,
    #[schemars(with = "Option<String>")]
    reasoning_effort: Option<ReasoningEffort>,
    #[serde(default)]
    overridable: Vec<Overridable>,
}

impl Assistant {
    /// Reads a table; `folder` is where its Markdown files are.
    pub(super) fn read(id: String, table: Table, folder: &Path) -> Result<Self, String> {
        let place = format!("assistants.{id}");
        if !is_id(&id) {
            return Err(format!("{place}: an id is 1 to 64 letters, digits, - and _"));
        }
        let words = serde_json::to_string(&table).unwrap_or_default();
        let raw = *typed::<Raw>(&place, table)?;
        raw.check().map_err(|problem| format!("{place}.{problem}"))?;
        let instructions =
            raw.instructions(folder).map_err(|problem| format!("{place}.{problem}"))?;
        let version = version(&words, &instructions);
        Ok(Self {
            id,
            version,
            name: raw.name,
            description: raw.description,
            instructions: instructions.into(),
            model: raw.model,
            fallbacks: raw.fallbacks,
            tools: raw.tools,
            suggestions: raw.suggestions,
            limits: Limits {
                max_output_tokens: raw.max_output_tokens,
                max_steps: raw.max_steps,
                temperature: raw.temperature,
                top_p: raw.top_p,
                reasoning_effort: raw.reasoning_effort,
            },
            overridable: raw.overridable,
        })
    }

    /// Whether a request may say otherwise.
    pub fn leaves(&self, what: Overridable) -> bool {
        self.overridable.contains(&what)
    }
}

impl Raw {
    fn check(&self) -> Result<(), String> {
        let within = |name, value: Option<f64>, most: f64| match value {
            Some(value) if !(0.0..=most).contains(&value) => {
                Err(format!("{name}: must be 0 to {most}"))
            }
            _ => Ok(()),
        };
        within("temperature", self.temperature, 2.0)?;
        within("top_p", self.top_p, 1.0)?;
        if self.max_output_tokens == Some(0) {
            return Err("max_output_tokens: must be at least 1".to_owned());
        }
        if self.max_steps.is_some_and(|steps| !(1..=50).contains(&steps)) {
            return Err("max_steps: must be 1 to 50".to_owned());
        }
        Ok(())
    }

    fn instructions(&self, folder: &Path) -> Result<String, String> {
        let (field, text) = match (&self.instructions, &self.instructions_file) {
            (Some(_), Some(_)) => {
                return Err("instructions_file: cannot be there together with instructions".into());
            }
            (Some(text), None) => ("instructions", text.clone()),
            (None, Some(file)) => {
                let text = std::fs::read_to_string(folder.join(file));
                let text = text.map_err(|error| format!("instructions_file: {file}: {error}"))?;
                ("instructions_file", text)
            }
            (None, None) => return Err("instructions: are missing".to_owned()),
        };
        match text.len() {
            // A file that is being written is empty for a moment.
            _ if text.trim().is_empty() => Err(format!("{field}: are empty")),
            0..=MAX_INSTRUCTIONS => Ok(text.trim().to_owned()),
            _ => Err(format!("{field}: may have 200 KiB")),
        }
    }
}

fn is_id(id: &str) -> bool {
    (1..=64).contains(&id.len())
        && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
}

/// The same for the same words on every replica.
fn version(words: &str, instructions: &str) -> String {
    let digest = digest(&SHA256, format!("{words}\n{instructions}").as_bytes());
    digest.as_ref().iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}
