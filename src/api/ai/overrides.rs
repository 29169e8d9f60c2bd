//! What a request says that is an assistant's to say.

use super::model::ChatGenerate;
use crate::config::file::assistants::Overridable;

/// What a request says that is an assistant's to say, and where.
pub(super) type Overrides = Vec<(&'static str, Overridable)>;

/// The fields of a request that an assistant decides, unless the operator leaves them to requests.
pub(super) fn overrides(body: &ChatGenerate) -> Overrides {
    let names_tools = body.tools.as_ref().is_some_and(serde_json::Value::is_array);
    let given = [
        (body.model.is_some(), "/model", Overridable::Model),
        (body.system.is_some(), "/system", Overridable::System),
        (names_tools, "/tools", Overridable::Tools),
        (body.max_output_tokens.is_some(), "/max_output_tokens", Overridable::MaxOutputTokens),
        (body.max_steps.is_some(), "/max_steps", Overridable::MaxSteps),
        (body.temperature.is_some(), "/temperature", Overridable::Temperature),
        (body.top_p.is_some(), "/top_p", Overridable::TopP),
        (body.reasoning_effort.is_some(), "/reasoning_effort", Overridable::ReasoningEffort),
    ];
    let given = given.into_iter().filter(|(is_given, ..)| *is_given);
    given.map(|(_, pointer, what)| (pointer, what)).collect()
}
