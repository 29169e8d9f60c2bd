//! What is new of an answer since a checkpoint, so that saving and following an answer costs as much as
//! the answer is long.

use serde::{Deserialize, Serialize};

use super::part::{Part, ToolState};

/// What is new of a part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PartDelta {
    /// Where the part is.
    pub index: usize,
    /// How many bytes its text has before this one.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub at: usize,
    /// What follows there.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// The part without its text, where that is new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<Part>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}

/// How far an answer has been saved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Position(Vec<PartPosition>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct PartPosition {
    text_bytes: usize,
    /// Differs whenever something else than the text does.
    state: u8,
}

impl Position {
    /// The end of these parts.
    pub fn end_of(parts: &[Part]) -> Self {
        let position =
            |part: &Part| PartPosition { text_bytes: text(part).len(), state: part.state() };
        Self(parts.iter().map(position).collect())
    }

    /// What the parts have from here on. They only grow.
    pub fn delta(&self, parts: &[Part]) -> Vec<PartDelta> {
        let news = parts.iter().enumerate().map(|(index, part)| {
            let saved = self.0.get(index);
            let at = saved.map_or(0, |saved| saved.text_bytes);
            let is_new = saved.is_none_or(|saved| saved.state != part.state());
            let text = text(part).get(at..).unwrap_or_default().to_owned();
            PartDelta { index, at, text, part: is_new.then(|| without_text(part)) }
        });
        news.filter(|new| new.part.is_some() || !new.text.is_empty()).collect()
    }
}

/// Adds what is new to the parts; false if something before it is missing.
pub fn apply(parts: &mut Vec<Part>, delta: Vec<PartDelta>) -> bool {
    delta.into_iter().all(|new| new.apply(parts))
}

impl PartDelta {
    fn apply(self, parts: &mut Vec<Part>) -> bool {
        if !self.fits(parts) {
            return false;
        }
        let old = parts.get_mut(self.index).and_then(text_mut).map(std::mem::take);
        let mut whole = old.unwrap_or_default();
        whole.truncate(self.at);
        whole.push_str(&self.text);
        if let Some(part) = self.part {
            match parts.get_mut(self.index) {
                Some(old) => *old = part,
                None => parts.push(part),
            }
        }
        if let Some(text) = parts.get_mut(self.index).and_then(text_mut) {
            *text = whole;
        }
        true
    }

    /// Whether nothing before it is missing.
    fn fits(&self, parts: &[Part]) -> bool {
        match parts.get(self.index) {
            Some(part) => text(part).is_char_boundary(self.at),
            None => self.at == 0 && self.index == parts.len() && self.part.is_some(),
        }
    }
}

fn text(part: &Part) -> &str {
    match part {
        Part::Text { text, .. } | Part::Reasoning { text, .. } => text,
        _ => "",
    }
}

fn text_mut(part: &mut Part) -> Option<&mut String> {
    match part {
        Part::Text { text, .. } | Part::Reasoning { text, .. } => Some(text),
        _ => None,
    }
}

impl Part {
    /// A number that rises whenever something else than the text changes.
    pub(super) fn state(&self) -> u8 {
        match self {
            Self::StepStart | Self::Other(_) => 0,
            Self::Text { done, opaque, .. } | Self::Reasoning { done, opaque, .. } => {
                u8::from(*done) + 2 * u8::from(opaque.is_some())
            }
            Self::Tool(tool) => match tool.state {
                ToolState::InputStreaming => 0,
                ToolState::InputAvailable(_) => 1,
                ToolState::ApprovalRequested(_) => 2,
                ToolState::ApprovalResponded(_) => 3,
                ToolState::OutputAvailable { .. } => 4,
                ToolState::OutputError { .. } => 5,
                ToolState::OutputDenied(_) => 6,
            },
            Self::Hosted(call) => call.state.number(),
        }
    }
}

pub(super) fn without_text(part: &Part) -> Part {
    match part {
        Part::Text { done, opaque, .. } => {
            Part::Text { text: String::new(), done: *done, opaque: opaque.clone() }
        }
        Part::Reasoning { done, opaque, .. } => {
            Part::Reasoning { text: String::new(), done: *done, opaque: opaque.clone() }
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::agent::ToolPart;

    fn text_part(text: &str, done: bool) -> Part {
        Part::Text { text: text.into(), done, opaque: None }
    }

    fn called(state: ToolState) -> Part {
        let (id, name) = ("1".to_owned(), "clock".to_owned());
        let is_whole = state != ToolState::InputStreaming;
        let arguments = if is_whole { "{}" } else { "" }.to_owned();
        Part::from(ToolPart {
            id,
            name,
            arguments,
            state,
            opaque: None,
            approval: None,
            is_edited: false,
        })
    }

    /// An answer as it grows.
    fn growth() -> Vec<Vec<Part>> {
        let input = json!({});
        let available = ToolState::InputAvailable(input.clone());
        let output = ToolState::OutputAvailable { input, output: json!([1]) };
        let first = || vec![Part::StepStart, text_part("Grüß Gott", true)];
        let with = |more: Vec<Part>| first().into_iter().chain(more).collect();
        vec![
            vec![],
            vec![Part::StepStart, text_part("Grü", false)],
            first(),
            with(vec![called(ToolState::InputStreaming)]),
            with(vec![called(available)]),
            with(vec![called(output.clone()), Part::StepStart, text_part("One", false)]),
            with(vec![called(output), Part::StepStart, text_part("One o'clock", true)]),
        ]
    }

    /// As it comes back from the database.
    fn stored(delta: &[PartDelta]) -> Vec<PartDelta> {
        serde_json::from_value(json!(delta)).unwrap()
    }

    #[test]
    fn what_is_new_makes_the_whole() {
        let growth = growth();
        for (from, before) in growth.iter().enumerate() {
            let mut parts = before.clone();
            for pair in growth[from..].windows(2) {
                let delta = Position::end_of(&pair[0]).delta(&pair[1]);
                assert!(apply(&mut parts, stored(&delta)));
                assert_eq!(parts, pair[1]);
                // What comes again changes nothing.
                assert!(apply(&mut parts, stored(&delta)));
                assert_eq!(parts, pair[1]);
            }
            let last = Position::end_of(&parts);
            assert_eq!(last.delta(&parts), []);
        }
    }

    #[test]
    fn only_what_is_new_is_sent() {
        let parts = [text_part("Hello you", false)];
        let delta = Position::end_of(&[text_part("Hello", false)]).delta(&parts);
        assert_eq!(json!(delta), json!([{ "index": 0, "at": 5, "text": " you" }]));
    }

    #[test]
    fn a_gap_is_noticed_before_anything_changes() {
        let delta = |index, at| vec![PartDelta { index, at, text: "x".into(), part: None }];
        for (index, at) in [(0, 4), (0, 3), (1, 0), (2, 0)] {
            let before = vec![text_part("Grü", false)];
            let mut parts = before.clone();
            let fits = apply(&mut parts, delta(index, at));
            assert_eq!(fits, (index, at) == (0, 4), "{index} {at}");
            assert_eq!(parts == before, !fits, "{index} {at}");
        }
    }
}
