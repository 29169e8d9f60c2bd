//! What a part says of a person's decision about its call.

use serde_json::{Map, Value, json};

/// The question whether a call may be made, and its answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Approval {
    /// The id by which it is decided.
    pub id: String,
    /// The decision.
    pub approved: Option<bool>,
    /// Why, in the person's words.
    pub reason: Option<String>,
    /// What the person is shown besides the arguments: `title`, `target`, `reason`, `expiresAt`, `digest`,
    /// `mayEdit`, `mayRemember`.
    pub shown: Map<String, Value>,
}

impl Approval {
    /// As the AI SDK has it: a question has an id alone.
    pub(super) fn to_json(&self) -> Value {
        let Self { id, approved, reason, .. } = self;
        match (approved, reason) {
            (None, _) => json!({ "id": id }),
            (Some(approved), None) => json!({ "id": id, "approved": approved }),
            (Some(approved), Some(reason)) => {
                json!({ "id": id, "approved": approved, "reason": reason })
            }
        }
    }

    /// Reads what is stored: the part's `approval`, and what is shown with it.
    pub(super) fn read(approval: &Value, shown: Option<&Value>) -> Option<Self> {
        Some(Self {
            id: approval.get("id")?.as_str()?.to_owned(),
            approved: approval.get("approved").and_then(Value::as_bool),
            reason: approval.get("reason").and_then(Value::as_str).map(str::to_owned),
            shown: shown.and_then(Value::as_object).cloned().unwrap_or_default(),
        })
    }

    /// What a model and a person are told of a call that was denied.
    pub(in crate::agent) fn denial(&self) -> String {
        match self.reason.as_deref().filter(|reason| !reason.is_empty()) {
            Some(reason) => format!(
                "The person denied this call. It was not run. Their reason: {}",
                Value::from(reason)
            ),
            None => "The person denied this call. It was not run.".to_owned(),
        }
    }
}
