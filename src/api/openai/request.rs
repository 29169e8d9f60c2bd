//! Reads a request for a completion, without I/O.

use super::messages::{Conversation, conversation};
use super::model::ChatCompletionRequest;
use super::tools;
use crate::agent::Options;
use crate::api::ai::stateless::{self, StatelessRequest};
use crate::http::error::ApiError;
use crate::http::validate::Checks;
use crate::memory::Held;

/// A request for an answer without a chat.
pub(super) fn read(body: ChatCompletionRequest, held: Held) -> Result<StatelessRequest, ApiError> {
    let mut checks = Checks::default();
    if body.n.is_some_and(|n| n != 1) {
        checks.refuse("/n", "must be 1: an answer is one choice");
    }
    let (limit, pointer) = match body.max_completion_tokens {
        Some(limit) => (Some(limit), "/max_completion_tokens"),
        None => (body.max_tokens, "/max_tokens"),
    };
    checks.range(pointer, limit, 1, stateless::MAX_OUTPUT_TOKENS);
    let functions = tools::definitions(body.tools.unwrap_or_default(), &mut checks);
    let tool_choice = tools::choice(body.tool_choice, &functions, &mut checks);
    let options = Options {
        system: None,
        context: None,
        output_limit: None,
        max_output_tokens: None,
        temperature: body.temperature,
        top_p: body.top_p,
        stop: stateless::stop(body.stop, &mut checks),
        reasoning_effort: body.reasoning_effort,
        response_format: stateless::format(body.response_format, &mut checks),
        max_steps: 1,
        functions,
        tool_choice,
        parallel_tool_calls: body.parallel_tool_calls,
    };
    let model = body.model.filter(|model| !model.is_empty());
    stateless::check_options(&options, model.as_deref(), &mut checks);
    let Conversation { system, history } = conversation(body.messages, "/messages", &mut checks);
    checks.finish()?;
    let options = Options { system, max_output_tokens: limit, ..options };
    Ok(StatelessRequest { history, options, model, held })
}
