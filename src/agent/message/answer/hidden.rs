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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::agent::Answer;
    use crate::providers::{Event, Opaque, ProviderName};

    /// The parts as they are stored after each event.
    fn stored(arguments: &str) -> (Vec<String>, Answer) {
        let pointers = vec!["/card".to_owned()];
        let hidden = HiddenArguments::of([("pay".to_owned(), pointers)].into_iter());
        let mut answer = Answer { hidden, ..Answer::default() };
        let (id, name, arguments) = ("1".to_owned(), "pay".to_owned(), arguments.to_owned());
        let json = format!("{{\"arguments\": {arguments}}}");
        let opaque = Some(Opaque { provider: ProviderName::new("openai"), json });
        let events = [
            Event::ToolCallStart { index: 0, id, name },
            Event::ToolCallDelta { index: 0, arguments: arguments.clone() },
            Event::ToolCallEnd { index: 0, arguments, opaque },
        ];
        let stored = events.map(|event| {
            answer.apply(event);
            json!(answer.parts).to_string()
        });
        (stored.to_vec(), answer)
    }

    #[test]
    fn nothing_shows_what_is_hidden() {
        let (parts, answer) = stored(r#"{"card": "4111", "n": 5}"#);
        assert!(parts.iter().all(|parts| !parts.contains("4111")), "{parts:?}");
        assert!(parts[2].contains(r#"{"card":"•••","n":5}"#), "{}", parts[2]);
        let shown = json!({ "card": "•••", "n": 5 });
        assert_eq!(answer.hidden.written(0, &shown), json!({ "card": "4111", "n": 5 }));
        let (parts, _) = stored(r#"{"card": "4111", "n": "#);
        assert!(parts.iter().all(|parts| !parts.contains("4111")), "{parts:?}");
    }
}
