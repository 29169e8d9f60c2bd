//! Reads a request for a response, without I/O.

use serde_json::Value;

use super::input;
use super::model::{ResponseRequest, ResponseText, ResponseTool, ResponseToolChoice, TextFormat};
use crate::agent::Options;
use crate::api::ai::model::{AnswerFormat, JsonSchema};
use crate::api::ai::stateless::{self, StatelessRequest};
use crate::api::openai::messages::{Conversation, conversation};
use crate::api::openai::model::{ChatTool, FunctionDefinition, FunctionName, ToolChoiceOption};
use crate::api::openai::tools;
use crate::http::error::ApiError;
use crate::http::validate::Checks;
use crate::memory::Held;

/// A request for an answer without a chat.
pub(super) fn read(body: ResponseRequest, held: Held) -> Result<StatelessRequest, ApiError> {
    let mut checks = Checks::default();
    refuse_stored(&body, &mut checks);
    let tools = body.tools.unwrap_or_default().into_iter().map(chat_tool).collect();
    let functions = tools::definitions(tools, &mut checks);
    let tool_choice = tools::choice(body.tool_choice.map(choice), &functions, &mut checks);
    let options = Options {
        system: None,
        context: None,
        output_limit: None,
        max_output_tokens: body.max_output_tokens,
        temperature: body.temperature,
        top_p: body.top_p,
        stop: Vec::new(),
        reasoning_effort: body.reasoning.and_then(|reasoning| reasoning.effort),
        response_format: stateless::format(format(body.text), &mut checks),
        max_steps: 1,
        functions,
        tool_choice,
        parallel_tool_calls: body.parallel_tool_calls,
    };
    let model = body.model.filter(|model| !model.is_empty());
    stateless::check_options(&options, model.as_deref(), &mut checks);
    let messages = input::messages(body.input, &mut checks);
    let Conversation { system, history } = conversation(messages, "/input", &mut checks);
    checks.finish()?;
    let instructions = body.instructions.into_iter().chain(system);
    let instructions: Vec<_> = instructions.filter(|text| !text.is_empty()).collect();
    let system = Some(instructions.join("\n\n")).filter(|text| !text.is_empty());
    Ok(StatelessRequest { history, options: Options { system, ..options }, model, held })
}

fn refuse_stored(body: &ResponseRequest, checks: &mut Checks) {
    let is_set = |value: &Option<Value>| value.as_ref().is_some_and(|value| !value.is_null());
    let detail = "is not known here: responses are not stored, so send the whole conversation";
    if is_set(&body.previous_response_id) {
        checks.refuse("/previous_response_id", detail);
    }
    if is_set(&body.conversation) {
        checks.refuse("/conversation", detail);
    }
    if body.background == Some(true) {
        checks.refuse("/background", "must be false: an answer ends with its request");
    }
}

fn chat_tool(tool: ResponseTool) -> ChatTool {
    let ResponseTool { r#type, name, description, parameters } = tool;
    let function = name.map(|name| FunctionDefinition { name, description, parameters });
    ChatTool { r#type, function }
}

fn choice(choice: ResponseToolChoice) -> ToolChoiceOption {
    match choice {
        ResponseToolChoice::Word(word) => ToolChoiceOption::Word(word),
        ResponseToolChoice::Function { name } => {
            ToolChoiceOption::Function { function: FunctionName { name } }
        }
    }
}

fn format(text: Option<ResponseText>) -> Option<AnswerFormat> {
    text?.format.map(|format| match format {
        TextFormat::Text => AnswerFormat::Text,
        TextFormat::JsonObject => AnswerFormat::JsonObject,
        TextFormat::JsonSchema { name, schema, strict } => {
            AnswerFormat::JsonSchema { json_schema: JsonSchema { name, schema, strict } }
        }
    })
}
